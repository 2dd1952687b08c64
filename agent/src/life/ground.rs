//! What there is before anything is known of what is wanted: the volume, and the probes.

use std::sync::Arc;
use std::time::Duration;

use stoker_ignition::{Gateway, Pause};
use stoker_sync::{Identity, Volume};

use super::interrupted::{finish_interrupted, holder};
use crate::cli::Options;
use crate::failure::Failure;
use crate::fetch::Repository;
use crate::mailbox::Mailbox;
use crate::report::Shared;
use crate::serve;
use crate::settings::Settings;
use crate::startup::Facts;

/// A gateway waits so long for a fresh sync where nothing else was heard (contract, section 8).
const DEADLINE: Duration = Duration::from_secs(30);

pub struct Ground {
    pub volume: Volume,
    pub shared: Arc<Shared>,
}

impl Ground {
    /// Takes the volume, answers the probes from now on, and finishes what a kill left unfinished, which needs nobody.
    pub fn open(options: &Options, identity: &Identity, mailbox: &Mailbox) -> Result<Self, Failure> {
        let volume = Volume::open(&options.data, &holder(&identity.gateway))?;
        let synced = volume.synced()?;
        let shared = Arc::new(Shared::new(Facts {
            finishing: true,
            synced_before: synced.is_some_and(|synced| synced.identity == *identity),
            succeeded: false,
            failed: false,
            suspended: volume.hold()?.is_some(),
            elapsed: Duration::ZERO,
            deadline: DEADLINE,
        }));
        for address in [options.listen, options.metrics].into_iter().flatten() {
            serve::start(address, Arc::clone(&shared))?;
        }
        finish_interrupted(&volume, mailbox)?;
        shared.start(|facts| facts.finishing = false);
        Ok(Self { volume, shared })
    }
}

/// The ways to the repository and to the gateway; nothing goes over them yet.
pub struct Ways {
    pub repository: Repository,
    pub gateway: Gateway,
}

impl Ways {
    pub fn open(settings: &Settings, volume: &Volume, mailbox: &Arc<Mailbox>) -> Result<Self, Failure> {
        Ok(Self { repository: repository(settings, volume)?, gateway: gateway(settings, mailbox)? })
    }
}

pub fn repository(settings: &Settings, volume: &Volume) -> Result<Repository, Failure> {
    Repository::open(settings, volume.state_dir(), &volume.trees_dir())
}

pub fn gateway(settings: &Settings, mailbox: &Arc<Mailbox>) -> Result<Gateway, Failure> {
    let mut options = settings.gateway_options();
    let sleeper = Arc::clone(mailbox);
    options.pause = Pause::new(move |time| sleeper.sleep(time));
    Ok(Gateway::new(options)?)
}
