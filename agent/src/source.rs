//! Where the agent's wishes come from. Whoever asks takes what is new, and need not know from where.

use stoker_sync::Hold;

use crate::cluster::Metadata;
use crate::failure::Failure;
use crate::life::asked;
use crate::settings::{ManifestFile, Settings};

/// Where the agent's wishes come from.
pub enum Source<'a> {
    /// A file beside a gateway without a cluster.
    Manifest(ManifestFile<'a>),
    /// The `ConfigMap` that the controller writes.
    Cluster(Box<Metadata>),
}

impl Source<'_> {
    /// What is wanted, if that may be something else than before; a failure as long as it cannot be understood.
    pub fn look(&mut self) -> Option<Result<Settings, Failure>> {
        match self {
            Self::Manifest(file) => file.look(),
            Self::Cluster(metadata) => metadata.look(),
        }
    }

    /// How people end a hold.
    pub fn way_on(&self, hold: &Hold) -> &'static str {
        match self {
            Self::Cluster(_) if asked::is_asked(hold) => "remove the annotation stoker.io/hold to end it",
            Self::Cluster(_) => "the annotation stoker.io/resume ends it",
            Self::Manifest(_) => "stoker-agent resume ends it",
        }
    }

    /// What people call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Manifest(_) => "manifest",
            Self::Cluster(_) => "metadata",
        }
    }
}
