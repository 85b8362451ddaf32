//! What was measured, its medians and ratios, and what they were to be.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::directory::Directory;
use super::large::Large;
use super::load::{Measured, Plan};
use super::mailbox::Mailbox;
use super::scale::{Pair, Scale};
use super::scenario::Scenario;

/// Everything that was measured.
pub struct Report {
    plan: Plan,
    rounds: BTreeMap<Scenario, Vec<Measured>>,
    pub large: Option<Large>,
    pub scale: Option<Scale>,
    pub mailbox: Vec<Mailbox>,
    pub directory: Vec<Directory>,
    submission_wasm: u64,
}

/// A figure and what it was to be.
struct Target {
    name: String,
    value: f64,
    /// At least this, or at most.
    least: Option<f64>,
    most: Option<f64>,
    unit: &'static str,
}

impl Report {
    /// Nothing was measured yet but the size of the component.
    pub fn new(plan: &Plan, root: &Path) -> Result<Self> {
        let wasm = root.join("target/wasm32-wasip2/component/submission.wasm");
        let metadata = std::fs::metadata(&wasm);
        Ok(Self {
            plan: plan.clone(),
            rounds: BTreeMap::new(),
            large: None,
            scale: None,
            mailbox: Vec::new(),
            directory: Vec::new(),
            submission_wasm: metadata.context("submission.wasm is not there")?.len(),
        })
    }

    /// One more round.
    pub fn add(&mut self, scenario: Scenario, measured: Measured) {
        self.rounds.entry(scenario).or_default().push(measured);
    }

    /// For people.
    pub fn text(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let Plan {
            connections, size, ..
        } = self.plan;
        let rounds = self.rounds.values().map(Vec::len).max().unwrap_or(0);
        let mut lines = vec![
            format!(
                "Messages of {size} bytes over {connections} connections, {rounds} rounds of {} s, \
                 medians. {cores} cores,",
                self.plan.time.as_secs()
            ),
            "shared by the load generator and all servers in every scenario alike. Memory is the serving".into(),
            "process's: the host's, the storage's for hold-native, all of Postfix's.\n".into(),
            format!(
                "{:14} {:>10} {:>9} {:>9} {:>10}",
                "scenario", "requests/s", "p50 ms", "p99 ms", "peak MB"
            ),
        ];
        for (scenario, rounds) in &self.rounds {
            let latency = |share| match median(rounds.iter().filter_map(|m| m.percentile(share))) {
                Some(millis) => format!("{millis:.2}"),
                None => "-".to_owned(),
            };
            lines.push(format!(
                "{:14} {:>10.0} {:>9} {:>9} {:>10.0}",
                scenario.name(),
                median(rounds.iter().map(Measured::rate)).unwrap_or(0.0),
                latency(0.5),
                latency(0.99),
                megabytes(peak(rounds)),
            ));
        }
        if let Some(large) = &self.large {
            lines.push(format!(
                "\nOne message of {:.1} MB: {:.0} MB more memory to deliver it, {:.0} MB to hold it.",
                megabytes(large.size),
                megabytes(large.delivered),
                megabytes(large.held)
            ));
        }
        if let Some(scale) = &self.scale {
            lines.push(scale_text(scale));
        }
        lines.extend(self.mailbox.iter().map(mailbox_text));
        lines.extend(self.directory.iter().map(directory_text));
        lines.push(String::new());
        for target in self.targets() {
            lines.push(target.line());
        }
        lines.join("\n")
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let scenarios: serde_json::Map<String, Value> = self.rounds.iter().map(scenario).collect();
        let targets: Vec<Value> = self.targets().iter().map(Target::json).collect();
        json!({
            "size": self.plan.size,
            "connections": self.plan.connections,
            "seconds": self.plan.time.as_secs_f64(),
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "version": env!("CARGO_PKG_VERSION"),
            "scenarios": scenarios,
            "large": self.large.as_ref().map(|large| json!({
                "size": large.size, "delivered": large.delivered, "held": large.held,
            })),
            "scale": self.scale.as_ref().map(scale_json),
            "mailbox": self.mailbox.iter().map(mailbox_json).collect::<Vec<_>>(),
            "directory": self.directory.iter().map(directory_json).collect::<Vec<_>>(),
            "submission_wasm": self.submission_wasm,
            "targets": targets,
        })
    }

    fn targets(&self) -> Vec<Target> {
        use Scenario::*;
        let mut targets: Vec<Target> = [
            (DeliverHttp, Forward, 0.85),
            (Hold, HoldNative, 0.8),
            (DeliverSmtp, PostfixRelay, 3.0),
            (Hold, PostfixQueue, 1.5),
            (Release, PostfixFlush, 2.0),
            (Release, SmtpSource, 0.5),
            (NewMail, DeliverSmtp, 0.5),
        ]
        .into_iter()
        .filter_map(|(one, other, least)| {
            Some(Target {
                name: format!("{} / {}", one.name(), other.name()),
                value: self.ratio(one, other)?,
                least: Some(least),
                most: None,
                unit: "",
            })
        })
        .collect();
        let at_most = |name: &str, value: f64, most: f64, unit| Target {
            name: name.to_owned(),
            value,
            least: None,
            most: Some(most),
            unit,
        };
        if let Some(large) = &self.large {
            let most = 2.2 * megabytes(large.size) + 64.0;
            let worst = large.delivered.max(large.held);
            let name = "memory of a large message";
            targets.push(at_most(name, megabytes(worst), most, " MB"));
        }
        if let Some(scale) = &self.scale {
            let memory = megabytes(scale.memory.by());
            targets.extend([
                at_most("deliver p50, full / empty", scale.deliver.ratio(), 1.1, ""),
                at_most("hold p50, full / empty", scale.hold.ratio(), 1.1, ""),
                at_most("a tick's first release", scale.first_release, 1.0, " s"),
                at_most("memory that the keeper takes", memory, 64.0, " MB"),
            ]);
        }
        if let Some(mailbox) = self.mailbox.last() {
            let memory = megabytes(mailbox.memory.by());
            targets.extend([
                at_most("the inbox's first page", mailbox.first, 0.3, " s"),
                at_most("a search in the mailbox", mailbox.search, 2.0, " s"),
                at_most("memory that the mailbox takes", memory, 64.0, " MB"),
            ]);
        }
        if let Some(directory) = self.directory.last() {
            let memory = megabytes(directory.memory.by());
            let one = directory.questions.first();
            targets.extend(one.map(|(_, time)| at_most("reading one user", *time, 0.05, " s")));
            targets.push(at_most(
                "memory that the directory takes",
                memory,
                64.0,
                " MB",
            ));
        }
        let size = megabytes(self.submission_wasm);
        targets.push(at_most("submission.wasm", size, 1.5, " MB"));
        targets
    }

    /// The median of the ratios within a round: noise that hits a round hits both.
    fn ratio(&self, one: Scenario, other: Scenario) -> Option<f64> {
        let (ones, others) = (self.rounds.get(&one)?, self.rounds.get(&other)?);
        let pairs = ones.iter().zip(others);
        median(pairs.map(|(one, other)| one.rate() / other.rate()))
    }
}

impl Target {
    fn holds(&self) -> bool {
        self.least.is_none_or(|least| self.value >= least)
            && self.most.is_none_or(|most| self.value <= most)
    }

    fn line(&self) -> String {
        let limit = match (self.least, self.most) {
            (Some(least), _) => format!("at least {least:.2}"),
            (_, Some(most)) => format!("at most {most:.2}{}", self.unit),
            _ => String::new(),
        };
        let holds = if self.holds() { "holds" } else { "MISSED" };
        let Self {
            name, value, unit, ..
        } = self;
        format!("{holds:7} {name:30} {value:.2}{unit} ({limit})")
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "value": self.value, "at_least": self.least,
            "at_most": self.most, "holds": self.holds(),
        })
    }
}

fn scale_text(scale: &Scale) -> String {
    let Scale { held, .. } = scale;
    let millis = |seconds: f64| format!("{:.0} ms", seconds * 1e3);
    let requests = scale.requests.iter();
    let requests: Vec<_> = requests
        .map(|(path, seconds)| format!("{path} {}", millis(*seconds)))
        .collect();
    let pair = |pair: &Pair| format!("{:.2} ms, {:.2} ms empty", pair.full, pair.empty);
    format!(
        "\nWith {held} held messages in the bucket, p50: deliver {}; hold {}. A tick's first \
         release after {}.\nWhile it releases: {}.",
        pair(&scale.deliver),
        pair(&scale.hold),
        millis(scale.first_release),
        requests.join(", ")
    )
}

fn scale_json(scale: &Scale) -> Value {
    let pair = |pair: &Pair| json!({ "empty_ms": pair.empty, "full_ms": pair.full });
    json!({
        "held": scale.held,
        "deliver_p50": pair(&scale.deliver),
        "hold_p50": pair(&scale.hold),
        "first_release_seconds": scale.first_release,
        "memory": scale.memory.json(),
        "requests_seconds": scale.requests.iter().copied().collect::<BTreeMap<_, _>>(),
    })
}

fn mailbox_text(mailbox: &Mailbox) -> String {
    let Mailbox { messages, .. } = mailbox;
    format!(
        "\nA mailbox of {messages} messages: filed in {:.1} s; the first page {:.0} ms, a later one \
         {:.0} ms, a search {:.0} ms. The host had {:.0} MB at most, and {:.0} MB when it had started.",
        mailbox.filing,
        mailbox.first * 1e3,
        mailbox.later * 1e3,
        mailbox.search * 1e3,
        megabytes(mailbox.memory.peak),
        megabytes(mailbox.memory.idle),
    )
}

fn mailbox_json(mailbox: &Mailbox) -> Value {
    json!({
        "messages": mailbox.messages,
        "filing_seconds": mailbox.filing,
        "first_page_seconds": mailbox.first,
        "later_page_seconds": mailbox.later,
        "search_seconds": mailbox.search,
        "memory": mailbox.memory.json(),
    })
}

fn directory_text(directory: &Directory) -> String {
    let questions = directory.questions.iter();
    let questions = questions.map(|(what, time)| format!("{what} {:.0} ms", time * 1e3));
    format!(
        "\nA directory of {} users and {} groups: {:.1} ms to make a user, {:.1} ms a group; {}. The \
         host had {:.0} MB at most meanwhile, and {:.0} MB when it had started.",
        directory.users,
        directory.groups,
        directory.user * 1e3,
        directory.group * 1e3,
        questions.collect::<Vec<_>>().join(", "),
        megabytes(directory.memory.peak),
        megabytes(directory.memory.idle),
    )
}

fn directory_json(directory: &Directory) -> Value {
    let questions: BTreeMap<_, _> = directory.questions.iter().copied().collect();
    json!({
        "users": directory.users,
        "groups": directory.groups,
        "user_seconds": directory.user,
        "group_seconds": directory.group,
        "questions_seconds": questions,
        "memory": directory.memory.json(),
    })
}

fn scenario((scenario, rounds): (&Scenario, &Vec<Measured>)) -> (String, Value) {
    let latency = |share| median(rounds.iter().filter_map(|m| m.percentile(share)));
    let value = json!({
        "requests_per_second": median(rounds.iter().map(Measured::rate)),
        "rounds": rounds.iter().map(Measured::rate).collect::<Vec<_>>(),
        "p50_ms": latency(0.5),
        "p99_ms": latency(0.99),
        "peak_bytes": peak(rounds),
    });
    (scenario.name().to_owned(), value)
}

fn peak(rounds: &[Measured]) -> u64 {
    rounds.iter().map(|round| round.peak).max().unwrap_or(0)
}

/// The middle value, or the mean of the two in the middle.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values.get(middle).copied(),
        _ => Some((values.get(middle.checked_sub(1)?)? + values.get(middle)?) / 2.0),
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0].into_iter()), Some(2.5));
        assert_eq!(median([].into_iter()), None);
    }

    #[test]
    fn a_missed_target_is_said_to_be_missed() {
        let target = |value| Target {
            name: "a / b".into(),
            value,
            least: Some(0.85),
            most: None,
            unit: "",
        };
        assert!(target(0.85).line().starts_with("holds"));
        assert!(target(0.84).line().starts_with("MISSED"));
    }
}
