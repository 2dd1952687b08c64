//! Why a sync did not happen: the bounded list that becomes the `reason` of a status entry, a metric label and the first
//! word of an event.

use crate::spec::words;

words! {
    /// Why a sync did not happen, or what a gateway is held for.
    #[derive(PartialOrd, Ord, Hash)]
    Reason {
        /// The commit is not signed as the policy demands.
        SignatureInvalid = "SignatureInvalid",
        /// The commit is signed, but the policy is for another repository or ref.
        PolicyMismatch = "PolicyMismatch",
        /// One of `sync.limits` would be exceeded.
        LimitExceeded = "LimitExceeded",
        /// No space or inodes for what must be written.
        DiskFull = "DiskFull",
        /// The Git server, or the gateway, refused the credentials.
        AuthFailed = "AuthFailed",
        /// The Git server does not answer.
        GitUnreachable = "GitUnreachable",
        /// The ref, or the commit, is not on the server.
        RefGone = "RefGone",
        /// A mapping's source that is required, or of a given type, is not in the commit.
        SourceMissing = "SourceMissing",
        /// A template cannot be rendered.
        TemplateFailed = "TemplateFailed",
        /// A patch cannot be applied.
        PatchFailed = "PatchFailed",
        /// A path leads where nothing may be written.
        UnsafePath = "UnsafePath",
        /// The gateway did not take the scan.
        ScanFailed = "ScanFailed",
        /// The gateway did not come up again after the sync.
        HealthFailed = "HealthFailed",
        /// Designers are open, and the policy says to mind them.
        DesignerSessions = "DesignerSessions",
        /// Somebody, or a rollback, holds the gateway where it is.
        Held = "Held",
        /// A sync window forbids it now.
        WindowClosed = "WindowClosed",
        /// The resource asks for what this version does not know.
        UnsupportedFeature = "UnsupportedFeature",
        /// Anything else; the message says what.
        Internal = "Internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract §8, word for word.
    const CONTRACT: &str = "SignatureInvalid PolicyMismatch LimitExceeded DiskFull AuthFailed GitUnreachable RefGone \
        SourceMissing TemplateFailed PatchFailed UnsafePath ScanFailed HealthFailed DesignerSessions Held WindowClosed \
        UnsupportedFeature Internal";

    #[test]
    fn every_reason_of_the_contract_is_known_by_its_word() {
        for word in CONTRACT.split(' ').filter(|word| !word.is_empty()) {
            let reason: Reason = serde_json::from_value(word.into()).expect(word);
            assert_eq!(reason.as_str(), word);
            assert_eq!(reason.to_string(), word);
            assert_eq!(serde_json::to_value(reason).unwrap(), word);
        }
        assert!(serde_json::from_value::<Reason>("held".into()).is_err());
    }
}
