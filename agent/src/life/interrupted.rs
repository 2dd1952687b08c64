//! What a kill left unfinished, and who holds the volume meanwhile.

use stoker_sync::{Mark, Volume};

use crate::cli::Options;
use crate::failure::Failure;
use crate::mailbox::Mailbox;
use crate::rules::LayoutRules;

/// A journal is finished before anything else, without Git or network, also when paused.
pub(super) fn finish_interrupted(volume: &Volume, mailbox: &Mailbox) -> Result<(), Failure> {
    let rules = LayoutRules::new(&volume.destinations()?);
    match volume.finish(&rules, mailbox.stop_flag()) {
        Ok(None) => Ok(()),
        Ok(Some(applied)) => {
            tracing::info!(commit = applied.commit, "finished an interrupted sync");
            for path in &applied.displaced {
                tracing::warn!(path, "it was changed on the gateway; that version is kept in .stoker/local");
            }
            Ok(volume.set_mark(Mark::ScanPending, true)?)
        }
        Err(error @ (stoker_sync::Error::ObjectMissing { .. } | stoker_sync::Error::Damaged { .. })) => {
            tracing::warn!(%error, "an interrupted sync cannot be finished; it is done anew");
            Ok(volume.abandon()?)
        }
        Err(error) => Err(error.into()),
    }
}

/// A manifest that is wrong is no reason to leave a volume half-written.
pub(super) fn leave_nothing_unfinished(options: &Options, mailbox: &Mailbox) {
    if !Volume::is_interrupted(&options.data) {
        return;
    }
    let finished = Volume::open(&options.data, &holder(options.gateway_name.as_deref().unwrap_or_default()))
        .map_err(Failure::from)
        .and_then(|volume| finish_interrupted(&volume, mailbox));
    if let Err(failure) = finished {
        tracing::error!(reason = %failure.reason, "an interrupted sync cannot be finished: {failure}");
    }
}

/// What others read who find the volume in use.
pub(super) fn holder(gateway: &str) -> String {
    format!("stoker-agent for gateway {gateway:?}, process {}", std::process::id())
}
