//! A life in a cluster: until it is known what is wanted, the agent answers the probes by the volume alone and says what
//! it waits for.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stoker_api::names::objects;

use super::ground::{Ground, Ways};
use super::{Agent, Source};
use crate::cli::Options;
use crate::cluster::{Client, Environment, Metadata, Reports, Watch};
use crate::failure::Failure;
use crate::mailbox::Mailbox;
use crate::report::{Place, Reporter, Sink};
use crate::settings::Settings;
use crate::{log, signals};

/// Without a word from the watch, the probes' words and the hourly report are looked after this often.
const PERIOD: Duration = Duration::from_mins(1);

/// Runs until it is told to stop.
pub fn run(given: &Options) -> Result<ExitCode, Failure> {
    log::init();
    let mailbox = Arc::new(Mailbox::default());
    signals::listen(&mailbox, 0)?;
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    let options = environment.options(given);
    let ground = Ground::open(&options, &environment.identity(), &mailbox)?;
    let client = || Client::new(environment.access(), Arc::clone(&ground.shared.metrics.requests));
    let cr = &environment.cr_name;
    let watch = Watch::start(client(), objects::metadata(cr), &mailbox)?;
    let reports = Reports::start(client(), environment.pod_name.clone())?;
    let sink = Sink::Cluster {
        reports,
        place: Place { status: objects::status(cr), changes: objects::changes(cr) },
    };
    let mut reporter = Reporter::new(Arc::clone(&ground.shared), sink);
    reporter.is_pod(environment.pod_uid.clone());
    reporter.for_profile(&environment.profile, false);
    let mut metadata = Metadata::new(environment, watch);
    let Some((settings, ways)) = first(&mut metadata, &mut reporter, &ground, &mailbox) else {
        return Ok(ExitCode::SUCCESS);
    };
    let source = Source::Cluster(Box::new(metadata));
    Agent::start(&options, ground, source, settings, ways, reporter, &mailbox)?.live();
    Ok(ExitCode::SUCCESS)
}

/// Waits until it is known what is wanted; nothing if it is time to stop.
fn first(
    metadata: &mut Metadata,
    reporter: &mut Reporter,
    ground: &Ground,
    mailbox: &Arc<Mailbox>,
) -> Option<(Settings, Ways)> {
    while !mailbox.stopping() {
        ground.shared.alive(PERIOD * 2);
        let looked = metadata.look();
        let opened = looked.map(|settings| {
            let settings = settings?;
            let ways = Ways::open(&settings, &ground.volume, mailbox)?;
            Ok((settings, ways))
        });
        let failure = match opened {
            Some(Ok(known)) => return Some(known),
            Some(Err(failure)) => Some(failure),
            None => metadata.trouble(),
        };
        let (synced, hold) = (ground.volume.synced().ok().flatten(), ground.volume.hold().ok().flatten());
        reporter.on_disk(synced.as_ref(), hold.as_ref());
        if let Some(failure) = failure {
            reporter.failed(&failure);
            ground.shared.start(|facts| facts.failed = true);
        }
        reporter.publish();
        mailbox.wait(Instant::now() + PERIOD);
    }
    None
}
