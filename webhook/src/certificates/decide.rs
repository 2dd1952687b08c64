//! What is to be done about the certificates, as a pure function.

use super::validity::Validity;

/// What is known of the Secret's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Somebody else keeps it.
    pub is_foreign: bool,
    /// The leaf, if it can be served, is the authority's, and bears our names.
    pub leaf: Option<Validity>,
    /// The authority, if its key is there.
    pub authority: Option<Validity>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Keep,
    /// A new leaf of the same authority.
    RenewLeaf,
    /// A new authority and a leaf of it.
    RenewAll,
}

/// What is to be done now, by the wall clock, which can jump.
pub fn step(facts: Option<Facts>, now: i64) -> Step {
    let Some(facts) = facts else { return Step::RenewAll };
    if facts.is_foreign {
        return Step::Keep;
    }
    let is_fresh = |validity: Option<Validity>| {
        validity.is_some_and(|validity| validity.contains(now) && now < validity.two_thirds())
    };
    match (is_fresh(facts.authority), is_fresh(facts.leaf)) {
        (false, _) => Step::RenewAll,
        (true, false) => Step::RenewLeaf,
        (true, true) => Step::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const LEAF: Validity = Validity { from: 0, until: 90 * DAY };
    const AUTHORITY: Validity = Validity { from: 0, until: 3650 * DAY };

    fn at(now: i64, leaf: Option<Validity>, authority: Option<Validity>) -> Step {
        step(Some(Facts { is_foreign: false, leaf, authority }), now)
    }

    #[test]
    fn a_leaf_is_renewed_at_two_thirds_of_its_life() {
        assert_eq!(at(59 * DAY, Some(LEAF), Some(AUTHORITY)), Step::Keep);
        assert_eq!(at(60 * DAY, Some(LEAF), Some(AUTHORITY)), Step::RenewLeaf);
        assert_eq!(at(200 * DAY, Some(LEAF), Some(AUTHORITY)), Step::RenewLeaf);
        assert_eq!(at(DAY, None, Some(AUTHORITY)), Step::RenewLeaf);
    }

    #[test]
    fn an_authority_is_renewed_at_two_thirds_of_its_life_and_when_it_is_gone_or_broken() {
        assert_eq!(at(2434 * DAY, None, Some(AUTHORITY)), Step::RenewAll);
        assert_eq!(at(DAY, Some(LEAF), None), Step::RenewAll);
        assert_eq!(step(None, 0), Step::RenewAll);
    }

    #[test]
    fn a_clock_that_jumps_makes_everything_anew() {
        assert_eq!(at(50 * 365 * DAY, Some(LEAF), Some(AUTHORITY)), Step::RenewAll);
        assert_eq!(at(-DAY, Some(LEAF), Some(AUTHORITY)), Step::RenewAll);
    }

    #[test]
    fn what_somebody_else_keeps_is_left_alone() {
        let foreign = Facts { is_foreign: true, leaf: None, authority: None };
        assert_eq!(step(Some(foreign), 1000 * DAY), Step::Keep);
    }
}
