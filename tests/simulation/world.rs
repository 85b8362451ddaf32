//! All that exists outside the instances, on one clock and one seed.

use std::cell::{Cell, RefCell};
use std::fmt::Arguments;
use std::future::Future;
use std::rc::Rc;

use holdfast_core::config::Config;

use super::chance::Chance;
use super::checks::Checks;
use super::executor::{Spawned, Time};
use super::machine::{Instance, Machines};
use super::people::Directory;
use super::run::Counts;
use super::sabotage::Sabotage;
use super::storage::Objects;
use super::trace::Trace;
use super::weather::{Custom, People, PrimaryMood, StorageMood, Weather};

/// The world of one seed.
pub struct Sim {
    /// The clock.
    pub time: Rc<Time>,
    /// The seed's numbers.
    pub chance: Chance,
    /// What Holdfast is configured with.
    pub config: Rc<Config>,
    /// Who has a mailbox.
    pub people: Rc<Directory>,
    /// How bad it is.
    pub weather: Cell<Weather>,
    /// Whether nothing goes wrong from the beginning.
    pub calm: bool,
    /// Whether every reply is heard in time: then nothing is delivered twice.
    pub tells_all: bool,
    /// What is broken on purpose.
    pub sabotage: Sabotage,
    /// What lies in the storage.
    pub objects: Objects,
    /// How the storage is.
    pub storage: Cell<StorageMood>,
    /// Since when the storage is out.
    pub out_since: Cell<Option<i64>>,
    /// How each primary is: the two of the first route, the one of the second.
    pub primaries: [Cell<PrimaryMood>; 3],
    /// The instances.
    pub machines: Machines,
    /// The rules.
    pub checks: Checks,
    /// What happened, in numbers.
    pub counts: Cell<Counts>,
    trace: Trace,
    traced: bool,
    healed: Cell<bool>,
    worst_clock: i64,
    spawned: RefCell<Vec<Spawned>>,
    /// Whether writes came late before the world healed.
    pub had_late_writes: bool,
    /// Writes that are on their way though their sender gave up.
    pub late: Cell<u32>,
}

impl Sim {
    /// The world in which all this is so.
    pub fn new(
        chance: Chance,
        weather: Weather,
        (config, people): (Rc<Config>, Rc<Directory>),
        sabotage: Sabotage,
        traced: bool,
    ) -> Rc<Self> {
        let sim = Rc::new(Self {
            time: Time::new(START),
            chance,
            config,
            people,
            calm: weather.is_calm(),
            tells_all: weather.tells_all(),
            weather: Cell::new(weather),
            sabotage,
            objects: Objects::default(),
            storage: Cell::new(StorageMood::Well),
            out_since: Cell::default(),
            primaries: std::array::from_fn(|_| Cell::new(PrimaryMood::Well)),
            machines: Machines::default(),
            checks: Checks::default(),
            counts: Cell::default(),
            trace: Trace::new(traced),
            traced,
            healed: Cell::new(false),
            worst_clock: weather.skew,
            spawned: RefCell::default(),
            had_late_writes: weather.storage_late > 0,
            late: Cell::new(0),
        });
        for (key, bytes) in &sim.people.objects {
            sim.objects.insert(key, bytes.clone());
        }
        sim.note(format_args!("{weather:?}"));
        if let Some(lasting) = weather.lasting {
            sim.primary_becomes(lasting, PrimaryMood::Refusing);
        }
        sim
    }

    /// Notes what happened.
    pub fn note(&self, what: Arguments<'_>) {
        self.trace.add(self.time.now(), what);
    }

    /// Whether lines of the trace are kept.
    pub fn traced(&self) -> bool {
        self.traced
    }

    /// What was seen: the sum, and the lines that were kept.
    pub fn seen(&self) -> (u64, Vec<String>) {
        (self.trace.sum(), self.trace.take())
    }

    /// Counts something.
    pub fn count(&self, count: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        count(&mut counts);
        self.counts.set(counts);
    }

    /// Begins a task, in an instance or outside of all.
    pub fn spawn(&self, machine: Option<u32>, future: impl Future<Output = ()> + 'static) {
        self.spawned.borrow_mut().push(Spawned {
            machine,
            future: Box::pin(future),
        });
    }

    /// The tasks that are to begin.
    pub fn spawned(&self) -> Vec<Spawned> {
        self.spawned.take()
    }

    /// An instance for the next request.
    pub fn instance(self: &Rc<Self>) -> Instance {
        Instance {
            sim: self.clone(),
            machine: self.machines.pick(self),
        }
    }

    /// The storage changes.
    pub fn storage_becomes(&self, mood: StorageMood) {
        self.note(format_args!("the storage becomes {mood:?}"));
        self.storage.set(mood);
        let out = mood != StorageMood::Well;
        self.out_since.set(out.then(|| self.time.now()));
    }

    /// A primary changes; one that stays out does not come back.
    pub fn primary_becomes(&self, primary: usize, mood: PrimaryMood) {
        let lasting = self.weather.get().lasting == Some(primary);
        let mood = match mood {
            PrimaryMood::Well if lasting => PrimaryMood::Refusing,
            mood => mood,
        };
        self.note(format_args!("primary {primary} becomes {mood:?}"));
        self.primaries[primary].set(mood);
    }

    /// From now on nothing goes wrong any more.
    pub fn heal(&self) {
        self.note(format_args!("healed"));
        self.healed.set(true);
        self.weather.set(self.weather.get().healed());
        self.machines.set_clocks();
        self.storage_becomes(StorageMood::Well);
        for primary in 0..self.primaries.len() {
            self.primary_becomes(primary, PrimaryMood::Well);
        }
    }

    /// The most milliseconds by which any clock was wrong so far.
    pub fn worst_clock(&self) -> i64 {
        self.worst_clock
    }

    /// Whether people are at work here: where something waits for a person there must be one.
    pub fn has_operators(&self) -> bool {
        let weather = self.weather.get();
        weather.operators || weather.custom == Custom::Careful
    }

    /// Whether it healed.
    pub fn healed(&self) -> bool {
        self.healed.get()
    }
}

/// What Holdfast is configured with: two routes, the first with two primaries in order of
/// preference, and one key for everybody.
pub fn document(custom: Custom, people: People) -> String {
    let (all, each) = match custom {
        Custom::Plain | Custom::Batches => ("", ""),
        Custom::Returning => ("returns='lab'\n", "queue_lifetime='10m'\n"),
        Custom::Careful => ("", "uncertain='hold'\n"),
    };
    let (sending, copies, unknown) = match people {
        People::Nobody => ("", "", ""),
        People::Known => ("outbound='lab'\n", "", "unknown_recipients='dropbox'\n"),
        People::Copies => (
            "outbound='lab'\n[webmail]\nsent_copies='on'\n",
            "copies='on'\n",
            "unknown_recipients='dropbox'\n",
        ),
    };
    format!(
        "{all}{sending}[[route]]\nname='hq'\ndomains=['example.org']\n{each}{copies}\
         primary=['smtp://192.0.2.1:25','smtp://192.0.2.2:25']\ntls='off'\n\
         [route.health]\nconsecutive_failures=2\n\
         [[route]]\nname='lab'\ndomains=['example.net']\n{each}{unknown}\
         primary='smtp://192.0.2.3:25'\ntls='off'\n\
         [[partner]]\nname='acme'\n\
         key_sha256='2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'\n"
    )
}

/// Where the clock stands at the beginning: 2026-11-23T00:00:00Z.
pub const START: i64 = 1_795_392_000_000;
