//! A seed's world from its beginning to its end: a storm, then everything heals, and within a
//! stated time the queues must be empty.

use std::cell::OnceCell;
use std::future::Future;
use std::rc::Rc;

use holdfast_core::config::Config;
use holdfast_core::limits;

use super::chance::Chance;
use super::executor::{Executor, Stepped};
use super::machine::millis;
use super::people::Directory;
use super::sabotage::Sabotage;
use super::weather::{Custom, People, Weather};
use super::world::{START, Sim, document};
use super::{operators, partners, people, ticks, weather};

/// What a seed came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The rule that was broken, if any was.
    pub broken: Option<String>,
    /// A sum over everything that happened: two runs of one seed have the same.
    pub sum: u64,
    /// Everything that happened, in order, where that was asked for.
    pub trace: Vec<String>,
    /// The same in numbers.
    pub counts: Counts,
}

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Submissions, repeats among them.
    pub submissions: u64,
    /// Answers of 200.
    pub delivered: u64,
    /// Answers of 202.
    pub held: u64,
    /// Answers of 422.
    pub refused: u64,
    /// Answers of 409.
    pub running: u64,
    /// Answers of 503.
    pub not_accepted: u64,
    /// Copies that a primary took.
    pub taken: u64,
    /// Copies that a primary took more than once, with the doubt on record.
    pub doubled: u64,
    /// Instances that died.
    pub deaths: u64,
    /// Ticks that were called.
    pub ticks: u64,
    /// Outcomes of batches.
    pub batches: u64,
    /// Records that were deleted because a clock said that they were old.
    pub swept: u64,
    /// Orders of operators.
    pub orders: u64,
    /// Messages that a person dropped.
    pub dropped: u64,
    /// Copies that went back.
    pub returned: u64,
    /// Requests to the storage.
    pub storage_requests: u64,
    /// Looks of users at their mail.
    pub looks: u64,
    /// Messages that they read.
    pub read: u64,
    /// Forms that they posted.
    pub posts: u64,
    /// Steps of tasks.
    pub steps: u64,
    /// The longest that a healed world took to drain, in milliseconds.
    pub longest_drain: u64,
}

impl Counts {
    /// One more answer.
    pub fn answer(&mut self, status: u16) {
        match status {
            200 => self.delivered += 1,
            202 => self.held += 1,
            422 => self.refused += 1,
            409 => self.running += 1,
            _ => self.not_accepted += 1,
        }
    }

    /// Both together.
    pub fn add(&mut self, more: &Self) {
        self.submissions += more.submissions;
        self.delivered += more.delivered;
        self.held += more.held;
        self.refused += more.refused;
        self.running += more.running;
        self.not_accepted += more.not_accepted;
        self.taken += more.taken;
        self.doubled += more.doubled;
        self.deaths += more.deaths;
        self.ticks += more.ticks;
        self.batches += more.batches;
        self.swept += more.swept;
        self.orders += more.orders;
        self.dropped += more.dropped;
        self.returned += more.returned;
        self.storage_requests += more.storage_requests;
        self.looks += more.looks;
        self.read += more.read;
        self.posts += more.posts;
        self.steps += more.steps;
        self.longest_drain = self.longest_drain.max(more.longest_drain);
    }

    /// As they are told.
    pub fn named(&self) -> [(&'static str, u64); 21] {
        [
            ("submissions", self.submissions),
            ("delivered", self.delivered),
            ("held", self.held),
            ("refused", self.refused),
            ("running", self.running),
            ("not_accepted", self.not_accepted),
            ("taken", self.taken),
            ("doubled", self.doubled),
            ("deaths", self.deaths),
            ("ticks", self.ticks),
            ("batches", self.batches),
            ("swept", self.swept),
            ("orders", self.orders),
            ("dropped", self.dropped),
            ("returned", self.returned),
            ("storage_requests", self.storage_requests),
            ("looks", self.looks),
            ("read", self.read),
            ("posts", self.posts),
            ("steps", self.steps),
            ("longest_drain_ms", self.longest_drain),
        ]
    }
}

/// Plays the seed.
pub fn run(seed: u64, sabotage: Sabotage) -> Outcome {
    play(seed, sabotage, false)
}

/// Plays the seed and keeps what happened, line by line.
pub fn run_traced(seed: u64, sabotage: Sabotage) -> Outcome {
    play(seed, sabotage, true)
}

fn play(seed: u64, sabotage: Sabotage, traced: bool) -> Outcome {
    let chance = Chance::new(seed);
    let mut weather = Weather::of(&chance);
    // A stream of its own: what a seed means stays as it was.
    weather.people = Chance::new(!seed).pick(&PEOPLE);
    let sim = match place(weather.custom, weather.people) {
        Ok(place) => Sim::new(chance, weather, place, sabotage, traced),
        Err(broken) => {
            return Outcome {
                broken: Some(broken),
                sum: 0,
                trace: Vec::new(),
                counts: Counts::default(),
            };
        }
    };
    let playing = Playing::begin(&sim);
    let steps = playing.to_the_end(&sim);
    sim.count(|counts| counts.steps += steps);
    let (sum, trace) = sim.seen();
    Outcome {
        broken: sim.checks.broken(),
        sum,
        trace,
        counts: sim.counts.get(),
    }
}

type Place = (Rc<Config>, Rc<Directory>);

/// What is configured, and who is there. Read and made once for each thread.
fn place(custom: Custom, people: People) -> Result<Place, String> {
    thread_local! {
        static KNOWN: [OnceCell<Place>; 12] = const { [const { OnceCell::new() }; 12] };
    }
    KNOWN.with(|known| {
        let known = &known[custom as usize * PEOPLE_KINDS + people as usize];
        if let Some(place) = known.get() {
            return Ok(place.clone());
        }
        let parsed = Config::parse(&document(custom, people), "");
        let mut config = parsed.map_err(|error| error.to_string())?;
        for (at, route) in config.routes.iter_mut().enumerate() {
            // A handful of messages is a backlog already, or even one.
            let pace = &mut route.pace;
            match custom {
                Custom::Batches => (pace.max_concurrency, pace.batch) = (1 + at, 2),
                Custom::Returning => (pace.max_concurrency, pace.batch) = (1, 1),
                Custom::Plain | Custom::Careful => {}
            }
        }
        let config = Rc::new(config);
        let directory = match people {
            People::Nobody => Rc::default(),
            People::Known | People::Copies => Directory::of(&config)?,
        };
        Ok(known.get_or_init(|| (config, directory)).clone())
    })
}

/// Those who have not finished yet, by their number.
struct Playing {
    busy: Rc<std::cell::Cell<u32>>,
    partners: Rc<std::cell::Cell<u32>>,
}

impl Playing {
    fn begin(sim: &Rc<Sim>) -> Self {
        let playing = Self {
            busy: Rc::default(),
            partners: Rc::default(),
        };
        for number in 0..1 + sim.chance.below(PARTNERS) {
            let partner = partners::partner(sim.clone(), number);
            let (busy, here) = (playing.busy.clone(), playing.partners.clone());
            busy.set(busy.get() + 1);
            here.set(here.get() + 1);
            sim.spawn(None, async move {
                partner.await;
                busy.set(busy.get() - 1);
                here.set(here.get() - 1);
            });
        }
        if sim.has_operators() {
            playing.awaits(sim, operators::operator(sim.clone()));
        }
        for number in 0..sim.people.len() {
            playing.awaits(sim, people::user(sim.clone(), number));
        }
        sim.spawn(None, operators::watcher(sim.clone()));
        sim.spawn(None, ticks::keep_ticking(sim.clone()));
        weather::start(sim);
        playing
    }

    /// The world does not end before this one has finished.
    fn awaits(&self, sim: &Sim, somebody: impl Future<Output = ()> + 'static) {
        let busy = self.busy.clone();
        busy.set(busy.get() + 1);
        sim.spawn(None, async move {
            somebody.await;
            busy.set(busy.get() - 1);
        });
    }

    /// Until all is quiet, or a rule is broken; gives the number of steps.
    fn to_the_end(&self, sim: &Rc<Sim>) -> u64 {
        let mut executor = Executor::default();
        let (mut healed, mut quiet) = (None, None);
        for step in 0..STEPS {
            for spawned in sim.spawned() {
                executor.spawn(spawned);
            }
            match executor.step(&sim.time, &sim.chance, sim.weather.get().death) {
                Stepped::On => {}
                Stepped::Died(machine) => {
                    sim.note(format_args!("{machine} died"));
                    sim.count(|counts| counts.deaths += 1);
                    sim.machines.died(machine);
                }
                Stepped::Over => return step,
            }
            if sim.checks.is_broken() {
                return step;
            }
            let now = sim.time.now();
            let Some(at) = healed else {
                if self.partners.get() == 0 || now > START + sim.weather.get().storm {
                    sim.heal();
                    healed = Some(now);
                }
                continue;
            };
            let rests = self.busy.get() == 0
                && sim.late.get() == 0
                && !executor.at_work()
                && TO_BE_EMPTY.iter().all(|prefix| sim.objects.none(prefix))
                && sim.checks.copies_are_filed(sim);
            let drained = *quiet.get_or_insert(now);
            if !rests {
                quiet = None;
            }
            if quiet.is_some() && now > drained + QUIET_MILLIS {
                let took = u64::try_from(drained - at).unwrap_or(0);
                sim.count(|counts| counts.longest_drain = took);
                sim.checks.at_the_end(sim);
                return step;
            }
            if now > at + drain_millis(sim) {
                sim.checks.at_the_end(sim);
                let rested = self.busy.get() == 0 && sim.late.get() == 0;
                sim.checks.rule(rested, || {
                    "a healed world comes to rest: somebody still waits".into()
                });
                return step;
            }
        }
        sim.checks.rule(false, || {
            format!("a world comes to its end within {STEPS} steps")
        });
        STEPS
    }
}

/// A healed world drains within the longest retry interval and the time of a few ticks. Where one
/// of two addresses stays dead, a message may wait for that twice: it is given to one of them at a
/// time.
fn drain_millis(sim: &Sim) -> i64 {
    let waits = if sim.weather.get().lasting.is_some() {
        2
    } else {
        1
    };
    waits * millis(limits::RETRY_LONGEST) + 1_200_000
}

/// Where nothing lies any more when a healed world came to rest.
const TO_BE_EMPTY: [&str; 4] = ["queue/", "filed/queue/", "filing/begun/", "people/outbox/"];
const PEOPLE: [People; 4] = [
    People::Nobody,
    People::Nobody,
    People::Known,
    People::Copies,
];
const PEOPLE_KINDS: usize = 3;
const PARTNERS: u64 = 3;
const STEPS: u64 = 2_000_000;
/// As long as nothing happens for this time, nothing will.
const QUIET_MILLIS: i64 = 70_000;
