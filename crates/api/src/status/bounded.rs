//! Fitting a status entry into its space: lists and messages give way, facts stay.

use super::{GatewayStatus, Held, PathList};
use crate::text::cut;

/// What the message keeps while lists can still give way, in bytes.
const MESSAGE_BYTES: usize = 400;
/// What any other text keeps, those in lists included.
const TEXT_BYTES: usize = 160;
/// What every text keeps where nothing else helped: a commit, a UID and a time fit.
const LAST_RESORT_BYTES: usize = 64;
const ELLIPSIS: &str = "…";

impl GatewayStatus {
    /// The same, cut until its JSON is at most `max_bytes` long.
    ///
    /// In this order, and no further than needed: control characters become blanks; texts are cut to a few hundred
    /// bytes; unmanaged paths, drifted paths, files that need a restart and names of projects go from the ends of their
    /// lists, while the counts stay; all texts are cut further; at last only the facts that identify the state are
    /// left. Those alone can need 900 bytes: a smaller `max_bytes` is not honoured.
    #[must_use]
    pub fn bounded(&self, max_bytes: usize) -> Self {
        let mut status = self.clone();
        status.each_text(&mut |text| replace(text, char::is_control, " "));
        if size(&status) <= max_bytes {
            return status;
        }
        let message = status.error_message.take().map(|message| shortened(&message, MESSAGE_BYTES));
        status.each_text(&mut |text| shorten(text, TEXT_BYTES));
        status.error_message = message;
        status.cut_lists(max_bytes);
        status.cut_message(max_bytes);
        if size(&status) > max_bytes {
            status.each_text(&mut |text| shorten(text, LAST_RESORT_BYTES));
        }
        if size(&status) <= max_bytes { status } else { status.facts() }
    }

    /// Every text that somebody else may have made long.
    fn each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        let optional = [
            &mut self.synced_commit,
            &mut self.synced_ref,
            &mut self.last_sync_time,
            &mut self.last_sync_duration,
            &mut self.agent_version,
            &mut self.last_scan_result,
            &mut self.error_message,
            &mut self.profile_name,
            &mut self.last_seen,
            &mut self.rolled_back_from,
            &mut self.previous_commit,
            &mut self.next_sync_window,
            &mut self.pod_uid,
        ];
        optional.into_iter().flatten().for_each(&mut *change);
        if let Some(Held { reason, since }) = &mut self.held {
            change(reason);
            change(since);
        }
        self.lists().into_iter().flatten().for_each(change);
    }

    /// The lists, the one that can be missed most first.
    fn lists(&mut self) -> [&mut Vec<String>; 4] {
        [
            &mut self.unmanaged.paths,
            &mut self.drift.paths,
            &mut self.restart_required,
            &mut self.projects_synced,
        ]
    }

    /// Removes items from the ends of the lists until the rest fits, or nothing is left in them.
    fn cut_lists(&mut self, max_bytes: usize) {
        let mut over = size(self).saturating_sub(max_bytes);
        for list in self.lists() {
            while over > 0 {
                let Some(item) = list.pop() else { break };
                // Quotes and, but for the last item, a comma: never counted as more than it saves.
                over = over.saturating_sub(item.len() + 2 + usize::from(!list.is_empty()));
            }
        }
    }

    /// Shortens the message by what is still too much.
    fn cut_message(&mut self, max_bytes: usize) {
        let over = size(self).saturating_sub(max_bytes);
        if over > 0
            && let Some(message) = &mut self.error_message
        {
            let keep = message.len().saturating_sub(over + ELLIPSIS.len());
            *message = shortened(message, keep.max(LAST_RESORT_BYTES));
        }
    }

    /// What identifies the state, in texts of bounded length that need no escapes.
    fn facts(&self) -> Self {
        let mut facts = Self {
            sync_status: self.sync_status,
            synced_commit: self.synced_commit.clone(),
            last_sync_time: self.last_sync_time.clone(),
            error_message: self.error_message.clone(),
            reason: self.reason,
            dry_run: self.dry_run,
            designer_sessions_blocked: self.designer_sessions_blocked,
            last_seen: self.last_seen.clone(),
            drift: PathList { count: self.drift.count, paths: Vec::new() },
            unmanaged: PathList { count: self.unmanaged.count, paths: Vec::new() },
            held: self.held.clone(),
            rolled_back_from: self.rolled_back_from.clone(),
            agent_outdated: self.agent_outdated,
            pod_uid: self.pod_uid.clone(),
            ..Self::default()
        };
        facts.each_text(&mut |text| {
            replace(text, |c| matches!(c, '"' | '\\'), "'");
            shorten(text, LAST_RESORT_BYTES);
        });
        facts
    }
}

/// The entry as it is written.
pub(super) fn json(status: &GatewayStatus) -> String {
    serde_json::to_string(status).expect("texts, numbers and lists of texts always have a JSON form")
}

fn size(status: &GatewayStatus) -> usize {
    json(status).len()
}

fn replace(text: &mut String, unwanted: fn(char) -> bool, with: &str) {
    if text.contains(unwanted) {
        *text = text.replace(unwanted, with);
    }
}

fn shorten(text: &mut String, max: usize) {
    if text.len() > max {
        *text = shortened(text, max);
    }
}

/// At most `max` bytes, the last of them an ellipsis when something was cut off.
fn shortened(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    format!("{}{ELLIPSIS}", cut(text, max.saturating_sub(ELLIPSIS.len())))
}
