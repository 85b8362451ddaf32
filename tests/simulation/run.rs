//! One seed's world from its beginning to its end.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use futures::channel::oneshot;
use holdfast_core::config::Config;
use holdfast_core::custody::route_state::StateCache;
use holdfast_core::submit::answer::Response;
use holdfast_core::submit::request::{Head, begin};
use holdfast_core::{submit, tick};

use super::executor::Executor;
use super::sabotage::Sabotage;
use super::world::{Instance, Sim};

/// What a seed came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The rule that was broken, if any was.
    pub broken: Option<String>,
    /// Everything that happened, in order.
    pub trace: Vec<String>,
}

type Spawned = Rc<RefCell<Vec<(bool, Pin<Box<dyn Future<Output = ()>>>)>>>;

/// Plays the seed.
pub fn run(seed: u64, sabotage: Sabotage) -> Outcome {
    let sim = Sim::new(seed, sabotage);
    let config = Rc::new(Config::parse(CONFIG, "").expect("the simulated configuration"));
    let spawned: Spawned = Rc::default();
    let partners = Rc::new(RefCell::new(PARTNERS));
    for partner in 0..PARTNERS {
        let (sim, config, queue, partners) = (
            sim.clone(),
            config.clone(),
            spawned.clone(),
            partners.clone(),
        );
        let task = async move {
            send_all(partner, &sim, &config, &queue).await;
            *partners.borrow_mut() -= 1;
        };
        spawned.borrow_mut().push((false, Box::pin(task)));
    }
    let clock = keep_ticking(sim.clone(), config, spawned.clone());
    spawned.borrow_mut().push((false, Box::pin(clock)));

    let mut executor = Executor::default();
    let mut healed_at = None;
    let mut seen = 0;
    for _ in 0..STEPS {
        for (mortal, task) in spawned.take() {
            executor.spawn(mortal, task);
        }
        executor.step(&sim.time, &sim.chance, sim.weather.get().death);
        sim.arrive_late();
        if sim.trace.borrow().len() > seen {
            seen = sim.trace.borrow().len();
            sim.checks.after_step(&sim);
        }
        if sim.checks.broken().is_some() {
            break;
        }
        let now = sim.time.now();
        if healed_at.is_none() && (*partners.borrow() == 0 || now > START + STORM_MILLIS) {
            sim.heal();
            healed_at = Some(now);
        }
        if healed_at.is_some_and(|at| now > at + CALM_MILLIS) {
            sim.checks.at_the_end(&sim);
            break;
        }
    }
    Outcome {
        broken: sim.checks.broken(),
        trace: sim.trace.take(),
    }
}

/// A partner with a few messages, that tries each until it hears a yes or a no.
async fn send_all(partner: u64, sim: &Rc<Sim>, config: &Rc<Config>, spawned: &Spawned) {
    for number in 0..MESSAGES {
        sim.time.sleep(sim.chance.below(60_000) as i64).await;
        let message = Bytes::from(format!(
            "Subject: {partner}.{number}\r\n\r\n{}\r\n",
            sim.chance.next()
        ));
        let names = ["ann", "bob", "nobody", "eve"];
        let to: Vec<String> = (0..=sim.chance.below(3))
            .map(|n| format!("{}{n}@example.org", names[sim.chance.below(4) as usize]))
            .collect();
        let key = (!sim.chance.once_in(3)).then(|| format!("{partner}.{number}"));
        if key.is_some() {
            sim.checks.keyed(&message);
        }
        for _ in 0..TRIES {
            let answer = submit_once(sim, config, spawned, &message, &to, key.as_deref()).await;
            match answer {
                Some(response) => {
                    let status = response.status;
                    sim.note(format!("answered {status}"));
                    sim.checks.answered(
                        sim,
                        sim.calm,
                        status,
                        &response.body,
                        key.as_deref(),
                        &message,
                    );
                    if status < 500 && status != 409 {
                        break;
                    }
                }
                None => sim.note("no answer".into()),
            }
            sim.time
                .sleep(1_000 + sim.chance.below(120_000) as i64)
                .await;
        }
    }
}

/// One submission to some instance; none when that died.
async fn submit_once(
    sim: &Rc<Sim>,
    config: &Rc<Config>,
    spawned: &Spawned,
    message: &Bytes,
    to: &[String],
    key: Option<&str>,
) -> Option<Response> {
    let recipients: String = to.iter().map(|to| format!("&to={to}")).collect();
    let head = Head {
        query: format!("from=a@acme.example{recipients}"),
        authorization: Some(b"Bearer foo".to_vec()),
        content_type: Some("message/rfc822".into()),
        idempotency_key: key.map(str::to_owned),
        ..Head::default()
    };
    let (answer, heard) = oneshot::channel();
    let (sim, config, message) = (sim.clone(), config.clone(), message.clone());
    let task = async move {
        let (instance, cache) = (Instance(sim), StateCache::default());
        let Ok(request) = begin(&config, &head) else {
            return;
        };
        let began = instance.0.time.now();
        let response = submit::submit(&instance, &config, &cache, &request, message).await;
        let took = instance.0.time.now() - began;
        instance.0.checks.in_time(took);
        answer.send(response).ok();
    };
    spawned.borrow_mut().push((true, Box::pin(task)));
    heard.await.ok()
}

/// A clock that ticks, sometimes twice at once.
async fn keep_ticking(sim: Rc<Sim>, config: Rc<Config>, spawned: Spawned) {
    loop {
        sim.time
            .sleep(5_000 + sim.chance.below(20_000) as i64)
            .await;
        for _ in 0..=u64::from(sim.chance.once_in(4)) {
            let (sim, config) = (sim.clone(), config.clone());
            let task = async move {
                let (instance, cache) = (Instance(sim), StateCache::default());
                tick::tick(&instance, &config, &cache).await;
            };
            spawned.borrow_mut().push((true, Box::pin(task)));
        }
    }
}

const CONFIG: &str = "[[route]]\nname='hq'\ndomains=['example.org']\nprimary='smtp://192.0.2.1:25'\ntls='off'\n\
                      [route.health]\nconsecutive_failures=2\n[[partner]]\nname='acme'\n\
                      key_sha256='2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'\n";

const PARTNERS: u64 = 3;
const MESSAGES: u64 = 4;
const TRIES: u32 = 40;
const STEPS: u32 = 400_000;
const START: i64 = 1_795_392_000_000;
const STORM_MILLIS: i64 = 3_600_000;
/// A healed world drains within the longest retry interval and the time of a few ticks.
const CALM_MILLIS: i64 = 3_600_000 + 600_000;
