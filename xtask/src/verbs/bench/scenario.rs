//! All work on one estate, in the order in which a volume lives.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::agent::{Agent, Setup, between, now_of_day};
use super::cost::{Cost, median_of, middle};
use super::figures::{Change, Limits, OfAgent, OnEstate};
use super::lab::Lab;
use super::limits;
use super::proc::Memory;
use super::rivals::{self, Copying};
use super::run::{Whom, larger, measured};
use super::side::Side;
use super::source::Source;
use crate::estates::Estate;

/// No single piece of work takes longer, even on a slow machine.
const LONGEST: Duration = Duration::from_mins(10);
/// The shortest interval of looks at the ref that the agent honours.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A minute in which one look falls, as an agent has it that nobody changed.
const USUAL_INTERVAL: Duration = Duration::from_mins(1);
/// After this much silence what a sync leaves to do is done.
const SETTLED: Duration = Duration::from_secs(1);

/// What is measured, and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) runs: u32,
    /// Git is measured beside the agent.
    pub(super) git: bool,
    /// The limits and the idle minute, which take minutes.
    pub(super) long: bool,
}

/// One estate under measurement.
pub(super) struct Scenario<'a> {
    pub(super) program: &'a Path,
    pub(super) estate: &'a Estate,
    pub(super) extent: Extent,
    pub(super) lab: &'a mut Lab,
    pub(super) skipped: &'a mut Vec<String>,
}

impl Scenario<'_> {
    /// Does all of it.
    pub(super) fn run(&mut self) -> Result<OnEstate> {
        let root = self.lab.beside(&format!("served-{}", self.estate.name.replace(' ', "-")));
        fs::create_dir(&root)?;
        self.say("making the estate");
        let source = Source::create(self.estate, &root, self.extent.runs)?;
        self.warm_up(&source)?;
        let mut side = self.extent.git.then(|| Side::new(self.estate.files, LONGEST));
        let agent = self.of_agent(&source, side.as_mut())?;
        let git = side.map(Side::figures).transpose()?;
        let limits =
            if self.extent.long && self.extent.git { self.limits(&source)? } else { Limits::default() };
        drop(source);
        fs::remove_dir_all(&root)?;
        let &Estate { name, files, bytes, .. } = self.estate;
        Ok(OnEstate { estate: name, files, bytes, runs: self.extent.runs, agent, git, limits })
    }

    fn say(&self, what: &str) {
        eprintln!("{:14}  {what}", self.estate.name);
    }

    /// The first reader of a repository pays for the disk.
    fn warm_up(&mut self, source: &Source) -> Result<()> {
        let dir = self.lab.empty()?;
        measured(&mut rivals::clone(Copying::Cp, &source.url(), &dir), Whom::Family, LONGEST).map(drop)
    }

    /// An empty volume for the agent.
    fn setup(&mut self, source: &Source) -> Result<Setup> {
        let at = self.lab.empty()?;
        Setup::create(self.program, &at, &source.url(), LOOK_EVERY)
    }

    fn of_agent(&mut self, source: &Source, mut side: Option<&mut Side>) -> Result<OfAgent> {
        let runs = self.extent.runs;
        let (mut first, mut last) = (Vec::new(), None);
        for run in 1..=runs {
            if let Some((agent, _)) = last.take() {
                Agent::stop(agent)?;
            }
            if let Some(side) = &mut side {
                self.say(&format!("git, {run} of {runs}"));
                side.round(source, self.lab)?;
            }
            self.say(&format!("first sync, {run} of {runs}"));
            let setup = self.setup(source)?;
            let (agent, cost) = first_sync(&setup, source)?;
            first.push(cost);
            last = Some((agent, setup));
        }
        let (mut agent, setup) = last.context("there is at least one run")?;
        let life = self.beside_a_gateway(&mut agent, &setup, source)?;
        agent.stop()?;
        let (restart, restart_looked_seconds) = self.restarts(&setup, source)?;
        let restart_refused = self.refused(&setup, source)?;
        let nothing = self.nothing(&setup, source)?;
        self.say("the volume is lost");
        let (agent, restart_lost) = first_sync(&self.setup(source)?, source)?;
        agent.stop()?;
        source.push(0)?;
        Ok(OfAgent {
            first_sync: some(middle(&first))?,
            idle_resident_bytes: life.idle.resident,
            idle_anonymous_bytes: life.idle.anonymous,
            ten_files: life.ten_files,
            ten_files_whole_cpu_seconds: life.ten_files_whole_cpu_seconds,
            ten_files_change: life.change,
            restart,
            restart_looked_seconds,
            restart_refused,
            restart_lost,
            nothing,
            idle_minute_cpu_seconds: life.idle_minute_cpu_seconds,
        })
    }

    /// What happens in an agent's usual life, after its first sync: the gateway runs, commits come now and then.
    fn beside_a_gateway(&self, agent: &mut Agent, setup: &Setup, source: &Source) -> Result<Life> {
        let runs = self.extent.runs;
        self.say("the gateway starts");
        let gateway = setup.start_gateway()?;
        agent.until_said("scanned", None, LONGEST)?;
        agent.rest(SETTLED)?;
        let mut idle = agent.memory();
        let (mut costs, mut wholes, mut change) = (Vec::new(), Vec::new(), Change::default());
        for run in 1..=runs {
            self.say(&format!("ten files, {run} of {runs}"));
            let (cost, whole) = ten_files(agent, source, run as usize)?;
            costs.push(cost);
            wholes.push(whole);
            let next = source.change(run as usize)?;
            change.compressed_bytes = change.compressed_bytes.max(next.compressed_bytes);
            change.page_bytes = change.page_bytes.max(next.page_bytes);
        }
        idle = larger(idle, agent.memory());
        let idle_minute_cpu_seconds =
            if self.extent.long { Some(self.idle_minute(agent, setup)?) } else { None };
        drop(gateway);
        Ok(Life {
            idle,
            ten_files: some(middle(&costs))?,
            ten_files_whole_cpu_seconds: median_of(wholes.into_iter()).unwrap_or_default(),
            change,
            idle_minute_cpu_seconds,
        })
    }

    fn idle_minute(&self, agent: &mut Agent, setup: &Setup) -> Result<f64> {
        self.say("an idle minute");
        setup.set_interval(USUAL_INTERVAL)?;
        agent.until_said("the manifest changed", None, LONGEST)?;
        agent.rest(5 * SETTLED)?;
        let before = agent.processor_time();
        agent.rest(Duration::from_mins(1))?;
        Ok(agent.processor_time().saturating_sub(before).as_secs_f64())
    }

    fn nothing(&self, setup: &Setup, source: &Source) -> Result<Cost> {
        let mut costs = Vec::new();
        for run in 1..=self.extent.runs {
            self.say(&format!("nothing to do, {run} of {}", self.extent.runs));
            rustix::fs::sync();
            source.count();
            let cost = measured(&mut setup.once(), Whom::Alone, LONGEST)?;
            costs.push(source.charge(cost));
        }
        some(middle(&costs))
    }

    fn restarts(&self, setup: &Setup, source: &Source) -> Result<(Cost, f64)> {
        let (mut costs, mut looks) = (Vec::new(), Vec::new());
        for run in 1..=self.extent.runs {
            self.say(&format!("restart, {run} of {}", self.extent.runs));
            rustix::fs::sync();
            source.count();
            let mut agent = Agent::start(setup)?;
            let took = agent.until_probe("/startupz", LONGEST)?;
            looks.push(agent.until_probe("/readyz", LONGEST)?.as_secs_f64());
            agent.rest(SETTLED)?;
            costs.push(source.charge(so_far(&mut agent, took)));
            agent.stop()?;
        }
        Ok((some(middle(&costs))?, median_of(looks.into_iter()).unwrap_or_default()))
    }

    fn refused(&self, setup: &Setup, source: &Source) -> Result<Cost> {
        let mut costs = Vec::new();
        source.server.set_down(true)?;
        for run in 1..=self.extent.runs {
            self.say(&format!("restart without a server, {run} of {}", self.extent.runs));
            source.count();
            let mut agent = Agent::start(setup)?;
            let took = agent.until_probe("/startupz", LONGEST)?;
            agent.rest(SETTLED)?;
            costs.push(so_far(&mut agent, took));
            agent.stop()?;
        }
        source.server.set_down(false)?;
        some(middle(&costs))
    }

    fn limits(&mut self, source: &Source) -> Result<Limits> {
        let url = source.url();
        self.say("first sync with a fifth of a core: agent, then git");
        let agent = self.once(source)?;
        let processor_200m_agent_seconds = self.unless_refused(limits::at_200m(&agent));
        let git = rivals::clone(Copying::Cp, &url, &self.lab.empty()?);
        let processor_200m_git_seconds = self.unless_refused(limits::at_200m(&git));
        self.say("the least memory for a first sync: agent, then git");
        let found = limits::least_memory(|| self.once(source));
        let least_memory_agent = self.unless_refused(found);
        let found = limits::least_memory(|| Ok(rivals::clone(Copying::Cp, &url, &self.lab.empty()?)));
        let least_memory_git = self.unless_refused(found);
        Ok(Limits {
            processor_200m_agent_seconds,
            processor_200m_git_seconds,
            least_memory_agent,
            least_memory_git,
        })
    }

    /// One first sync into an empty place.
    fn once(&mut self, source: &Source) -> Result<Command> {
        Ok(self.setup(source)?.once())
    }

    /// What could not be measured is told, and the rest goes on.
    fn unless_refused<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let words = format!("{}: a limit: {error:#}", self.estate.name);
                eprintln!("skipped: {words}");
                self.skipped.push(words);
                None
            }
        }
    }
}

/// What was measured between a first sync and the agent's end.
struct Life {
    idle: Memory,
    ten_files: Cost,
    ten_files_whole_cpu_seconds: f64,
    /// The largest of the changes.
    change: Change,
    idle_minute_cpu_seconds: Option<f64>,
}

fn first_sync(setup: &Setup, source: &Source) -> Result<(Agent, Cost)> {
    source.count();
    let mut agent = Agent::start(setup)?;
    let took = agent.until_probe("/startupz", LONGEST)?;
    agent.rest(SETTLED)?;
    let cost = source.charge(so_far(&mut agent, took));
    Ok((agent, cost))
}

/// The ref moves between two looks of the agent, which finds it at the second. Gives the cost until the files are in
/// place, and the processor time until the gateway has scanned and all is quiet again.
fn ten_files(agent: &mut Agent, source: &Source, commit: usize) -> Result<(Cost, f64)> {
    let id = &source.commits[commit];
    agent.rest(SETTLED)?;
    rustix::fs::sync();
    let before = source.server.requests();
    let until = Instant::now() + 3 * LOOK_EVERY;
    while source.server.requests() == before {
        ensure!(Instant::now() < until, "the agent does not look at the ref");
        agent.rest(Duration::from_millis(2))?;
    }
    // That look is over soon, and the next comes in five seconds.
    agent.rest(SETTLED)?;
    source.push(commit)?;
    source.count();
    agent.forget_peaks();
    let written = agent.written();
    let mut seen = vec![(now_of_day(), agent.processor_time())];
    let resolved = loop {
        agent.rest(Duration::from_millis(2))?;
        if let Some(said) = agent.said("resolved", id)? {
            break said.time;
        }
        seen.push((now_of_day(), agent.processor_time()));
        ensure!(Instant::now() < until + 3 * LOOK_EVERY, "the agent does not find the commit {id}");
    };
    let synced = agent.until_said("synced", Some(id), LONGEST)?.time;
    let (cpu_at_synced, written_at_synced) = (agent.processor_time(), agent.written());
    agent.until_said("scanned", None, LONGEST)?;
    agent.rest(SETTLED)?;
    let began = seen.iter().rev().find(|(at, _)| *at <= resolved).or(seen.first());
    let since = |cpu: Duration| cpu.saturating_sub(began.map_or(Duration::ZERO, |(_, cpu)| *cpu));
    let took = between(resolved, synced);
    let cost = Cost::new(took, since(cpu_at_synced), agent.peaks(), written_at_synced - written);
    Ok((source.charge(cost), since(agent.processor_time()).as_secs_f64()))
}

/// What an agent took since its start.
fn so_far(agent: &mut Agent, took: Duration) -> Cost {
    Cost::new(took, agent.processor_time(), agent.peaks(), agent.written())
}

fn some(cost: Option<Cost>) -> Result<Cost> {
    cost.context("there is at least one run")
}
