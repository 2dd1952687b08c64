//! What open Designers mean for a sync (contract, section 1): `proceed`, `wait` (every 10 s for at most
//! 5 min) or `fail`.

use std::time::Duration;

use stoker_api::spec::DesignerSessionPolicy;

/// Between two looks.
pub const RECHECK: Duration = Duration::from_secs(10);
/// After that a waiting sync fails, and is tried again at the next change.
const LONGEST: Duration = Duration::from_mins(5);

/// What the gateway said about its Designers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sessions {
    /// No answer at all: the gateway does not run, so nobody works on it.
    NoGateway,
    /// So many on projects that the sync touches: `user in project`.
    Open(Vec<String>),
    /// It answered with an error: somebody may be there.
    Unclear(String),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Go,
    /// Look again in [`RECHECK`].
    Wait(String),
    Refuse(String),
}

/// Decides, when the sync has waited for so long already.
pub fn decide(policy: DesignerSessionPolicy, sessions: &Sessions, waited: Duration) -> Verdict {
    let who = match sessions {
        Sessions::NoGateway => return Verdict::Go,
        Sessions::Open(open) if open.is_empty() => return Verdict::Go,
        Sessions::Open(open) => format!("Designers are open: {}", open.join(", ")),
        Sessions::Unclear(why) => format!("it is not clear whether Designers are open: {why}"),
    };
    match policy {
        DesignerSessionPolicy::Proceed => Verdict::Go,
        DesignerSessionPolicy::Fail => {
            Verdict::Refuse(format!("{who}. Close them, or set designerSessionPolicy to \"proceed\""))
        }
        DesignerSessionPolicy::Wait if waited < LONGEST => Verdict::Wait(who),
        DesignerSessionPolicy::Wait => {
            Verdict::Refuse(format!("{who}; waited 5 minutes. Close them; the next commit is tried again"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DesignerSessionPolicy::{Fail, Proceed, Wait};

    fn open() -> Sessions {
        Sessions::Open(vec!["anna in line1".to_owned()])
    }

    #[test]
    fn nobody_there_never_blocks() {
        for policy in [Proceed, Wait, Fail] {
            for sessions in [Sessions::NoGateway, Sessions::Open(Vec::new())] {
                assert_eq!(decide(policy, &sessions, Duration::ZERO), Verdict::Go);
            }
        }
    }

    #[test]
    fn somebody_there_is_treated_as_the_policy_says() {
        let unclear = Sessions::Unclear("500".to_owned());
        for sessions in [open(), unclear] {
            assert_eq!(decide(Proceed, &sessions, Duration::ZERO), Verdict::Go);
            assert!(matches!(decide(Fail, &sessions, Duration::ZERO), Verdict::Refuse(_)));
            assert!(matches!(decide(Wait, &sessions, Duration::from_secs(299)), Verdict::Wait(_)));
            assert!(matches!(decide(Wait, &sessions, Duration::from_mins(5)), Verdict::Refuse(_)));
        }
    }

    #[test]
    fn the_message_names_who_is_there() {
        let Verdict::Refuse(message) = decide(Fail, &open(), Duration::ZERO) else { panic!("went on") };
        assert!(message.contains("anna in line1"), "{message}");
    }
}
