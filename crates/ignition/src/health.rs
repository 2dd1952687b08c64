use std::time::{Duration, Instant};

use crate::error::Error;
use crate::gateway::{Gateway, GatewayInfo};
use crate::ping::Ping;

/// Whether a gateway is well after a sync. Only ever asked of one that was RUNNING just before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// RUNNING, and its API answers.
    Healthy,
    /// It says that it does not run, or its API fails: why.
    Unhealthy(String),
    /// It cannot be told (token refused, no answer): why. Never a reason to roll back.
    Unknown(String),
}

impl Gateway {
    /// How the gateway is now.
    pub fn health(&self) -> Health {
        match self.status_ping() {
            Ping::Running => judge(self.gateway_info()),
            Ping::Commissioning { details } if details.is_empty() => {
                Health::Unhealthy("the gateway is being commissioned".to_owned())
            }
            Ping::Commissioning { details } => {
                Health::Unhealthy(format!("the gateway runs with details {details:?}"))
            }
            Ping::Starting { state } if state.is_empty() => {
                Health::Unhealthy("the gateway is starting".to_owned())
            }
            Ping::Starting { state } => Health::Unhealthy(format!("the gateway's state is {state:?}")),
            Ping::Odd(words) | Ping::Down(words) => Health::Unknown(words),
        }
    }

    /// Asks until the gateway is healthy, or `longest` is over: how it is then.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn wait_healthy(&self, longest: Duration) -> Result<Health, Error> {
        const POLL: Duration = Duration::from_secs(1);
        let deadline = Instant::now() + longest;
        loop {
            let health = self.health();
            if health == Health::Healthy || !self.pause_until(deadline, POLL)? {
                return Ok(health);
            }
        }
    }
}

fn judge(info: Result<GatewayInfo, Error>) -> Health {
    match info {
        Ok(_) => Health::Healthy,
        Err(error @ (Error::Starting { .. } | Error::Status { status: 500.., .. })) => {
            Health::Unhealthy(error.to_string())
        }
        Err(error) => Health::Unknown(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;

    #[test]
    fn only_the_gateway_s_own_word_makes_it_unhealthy() {
        let place = String::new;
        let problem = || Problem::new("");
        assert_eq!(judge(Ok(GatewayInfo::default())), Health::Healthy);
        for failed in [
            Error::Starting { place: place() },
            Error::Status { place: place(), status: 500, problem: problem() },
        ] {
            assert!(matches!(judge(Err(failed)), Health::Unhealthy(_)));
        }
        for unknown in [
            Error::Unauthorized { place: place() },
            Error::Forbidden { place: place() },
            Error::NoToken { place: place() },
            Error::Unreachable { place: place(), problem: problem() },
            Error::NoApi { place: place() },
            Error::Status { place: place(), status: 404, problem: problem() },
        ] {
            assert!(matches!(judge(Err(unknown)), Health::Unknown(_)));
        }
    }
}
