//! Partners with a few messages each, who try until they hear a yes or a no; who send the same
//! message twice at once, or again after its answer; who ask what became of it.

use std::rc::Rc;

use bytes::Bytes;
use futures::channel::oneshot;
use holdfast_core::custody::life;
use holdfast_core::ports::Clock as _;
use holdfast_core::problem::Kind;
use holdfast_core::submit::answer::Response;
use holdfast_core::submit::request::{Head, begin};
use holdfast_core::{submit, tick};

use super::checks::Submitted;
use super::machine::Instance;
use super::primary::POISON;
use super::world::Sim;

/// Sends a few messages, one after the other.
pub async fn partner(sim: Rc<Sim>, number: u64) {
    for message in 0..1 + sim.chance.below(4) {
        sim.time.sleep(sim.chance.millis(0, 60_000)).await;
        if sim.healed() {
            return;
        }
        let letter = Letter::write(&sim, number, message);
        letter.send(&sim).await;
    }
}

/// One message, as its partner has it.
struct Letter {
    bytes: Bytes,
    query: String,
    key: Option<String>,
}

impl Letter {
    fn write(sim: &Sim, partner: u64, number: u64) -> Rc<Self> {
        let chance = &sim.chance;
        let subject = match chance.once_in(12) {
            true => String::from_utf8_lossy(POISON).into_owned(),
            false => "Subject: letter".into(),
        };
        let end = chance.pick(&["\r\n", "\r\n", "\n"]);
        let random = chance.next();
        let bytes = Bytes::from(format!(
            "{subject} {partner}.{number}{end}{end}{random}{end}"
        ));
        let names = ["ann", "bob", "nobody", "eve"];
        let domains = chance.pick(&[
            ["example.org"; 2],
            ["example.org"; 2],
            ["example.net"; 2],
            ["example.org", "example.net"],
        ]);
        let to = (0..=chance.below(3))
            .map(|n| format!("{}{n}@{}", chance.pick(&names), chance.pick(&domains)));
        let to: Vec<String> = to.collect();
        // To the first no route leads, to the second one does, the third may not be told anything.
        let senders = [
            Some("a@acme.example"),
            Some("a@example.net"),
            Some("nobody@example.net"),
            None,
        ];
        let sender = chance.pick(&senders).map(str::to_owned);
        let key = (!chance.once_in(3)).then(|| format!("{partner}.{number}"));
        let recipients: String = to.iter().map(|to| format!("&to={to}")).collect();
        let query = format!("from={}{recipients}", sender.clone().unwrap_or_default());
        let submitted = Submitted {
            sender,
            to,
            key: key.clone(),
        };
        sim.checks.submitted(&bytes, submitted);
        Rc::new(Self { bytes, query, key })
    }

    /// Until it hears a yes or a no; then perhaps once more, to be sure.
    async fn send(self: Rc<Self>, sim: &Rc<Sim>) {
        for _ in 0..TRIES {
            let twice = self.key.is_some() && sim.chance.once_in(sim.weather.get().doubles);
            let first = self.clone().submit(sim);
            let second = twice.then(|| self.clone().submit(sim));
            let mut answer = self.hear(sim, first.await.ok());
            if let Some(second) = second {
                let second = self.hear(sim, second.await.ok());
                answer = answer.filter(|first| first.status < 400).or(second);
            }
            if let Some(answer) = answer.filter(|one| one.status < 500 && one.status != 409) {
                if answer.status < 300 && sim.chance.once_in(3) {
                    self.ask(sim, &answer).await;
                }
                break;
            }
            sim.time.sleep(sim.chance.millis(1_000, 121_000)).await;
        }
        if self.key.is_some() && sim.chance.once_in(4) {
            sim.time.sleep(sim.chance.millis(0, 30_000)).await;
            let again = self.clone().submit(sim).await.ok();
            self.hear(sim, again);
        }
    }

    fn hear(&self, sim: &Rc<Sim>, answer: Option<Response>) -> Option<Response> {
        let Some(answer) = answer else {
            sim.note(format_args!("no answer"));
            return None;
        };
        sim.note(format_args!("answered {}", answer.status));
        sim.count(|counts| counts.answer(answer.status));
        sim.checks
            .answered(sim, answer.status, &answer.body, &self.bytes);
        Some(answer)
    }

    /// One submission to some instance; nothing is heard when that dies.
    fn submit(self: Rc<Self>, sim: &Rc<Sim>) -> oneshot::Receiver<Response> {
        let head = Head {
            query: self.query.clone(),
            authorization: Some(b"Bearer foo".to_vec()),
            content_type: Some("message/rfc822".into()),
            idempotency_key: self.key.clone(),
            ..Head::default()
        };
        let (answer, heard) = oneshot::channel();
        let instance = sim.instance();
        sim.count(|counts| counts.submissions += 1);
        let bytes = self.bytes.clone();
        sim.spawn(Some(instance.machine.number), async move {
            if let Some(response) = serve(&instance, &head, bytes).await {
                answer.send(response).ok();
                after_work(&instance).await;
            }
        });
        heard
    }

    /// What became of it: what is held is never told not to be there.
    async fn ask(&self, sim: &Rc<Sim>, answer: &Response) {
        let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
        let held = answer.status == 202;
        let (told, heard) = oneshot::channel();
        let instance = sim.instance();
        sim.spawn(Some(instance.machine.number), async move {
            let config = &instance.sim.config;
            let life = life::life(&instance, config, &config.partners[0], &id).await;
            told.send(life).ok();
        });
        if let Ok(Err(problem)) = heard.await {
            let lost = held && problem.kind == Kind::NotFound && sim.counts.get().swept == 0;
            sim.checks.rule(!lost, || {
                format!("a partner finds its held message: {problem:?}")
            });
        }
    }
}

async fn serve(instance: &Instance, head: &Head, bytes: Bytes) -> Option<Response> {
    let sim = &instance.sim;
    let request = begin(&sim.config, head).ok()?;
    let (began, jumps) = (sim.time.now(), instance.machine.jumps.get());
    let cache = &instance.machine.cache;
    let submitted = submit::submit(instance, &sim.config, cache, &request, bytes).await;
    let response = submitted.response;
    // A clock that is set back makes all that is measured by it longer.
    if instance.machine.jumps.get() == jumps {
        sim.checks.in_time(sim.time.now() - began);
    }
    Some(response)
}

/// What the component does after an answer.
async fn after_work(instance: &Instance) {
    let (sim, cache) = (&instance.sim, &instance.machine.cache);
    for route in &sim.config.routes {
        if tick::due(route, cache, instance.now()) {
            tick::probe_route(instance, cache, route).await;
        }
    }
}

const TRIES: u32 = 40;
