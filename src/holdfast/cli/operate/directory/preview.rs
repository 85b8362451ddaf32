//! A plan, and what came of it, in lines for people.

use std::fmt::Display;

use super::export::Bad;
use super::plan::{Plan, UserChange};
use super::scim::Applied;
use crate::cli::texts::printable;

/// The plan; of each kind the first few, or all.
pub fn lines(plan: &Plan, all: bool) -> String {
    let most = if all { usize::MAX } else { SHOWN };
    let (mut new, mut changed, mut off) = (Vec::new(), Vec::new(), Vec::new());
    for step in &plan.users {
        match &step.what {
            UserChange::Create(..) => new.push(format!("+ {}", step.name)),
            UserChange::Change(_, paths, _) => {
                changed.push(format!("~ {}: {}", step.name, paths.join(", ")));
            }
            UserChange::Deactivate(..) => off.push(format!("- {}", step.name)),
        }
    }
    let missing: Vec<String> = plan
        .missing
        .iter()
        .map(|name| format!("? {name}"))
        .collect();
    let mut text = part("new", &new, most);
    text.push_str(&part("changed", &changed, most));
    text.push_str(&format!("{} unchanged\n", plan.unchanged));
    if !off.is_empty() {
        text.push_str(&part("not in the file, made inactive", &off, most));
    }
    if !missing.is_empty() {
        let what = "not in the file, left as they are (--deactivate-missing makes them inactive)";
        text.push_str(&part(what, &missing, most));
    }
    if !plan.groups.is_empty() || plan.groups_unchanged > 0 {
        let groups = plan.groups.iter().map(|step| {
            let (add, remove) = step.differences(&plan.ids);
            let coming = step
                .members
                .iter()
                .filter(|one| plan.ids.of(**one).is_none());
            let add = add.len() + coming.count();
            let sign = if step.create.is_some() { '+' } else { '~' };
            format!(
                "{sign} {}: {} more, {} fewer",
                step.name,
                many(add, "member", "members"),
                remove.len()
            )
        });
        let groups: Vec<String> = groups.collect();
        text.push_str(&part("groups new or changed", &groups, most));
        let groups = many(plan.groups_unchanged, "group", "groups");
        text.push_str(&format!("{groups} unchanged\n"));
    }
    if plan.strangers > 0 {
        text.push_str(&format!(
            "{} not in the file\n",
            many(
                plan.strangers,
                "member of a group is",
                "members of groups are"
            )
        ));
    }
    for note in &plan.notes {
        text.push_str(&format!("note: {}\n", printable(note)));
    }
    text.push_str(&bad(&plan.bad));
    if plan.steps() > 0 {
        text.push_str("Nothing was changed; --apply does it.");
    }
    text
}

/// Lines that cannot be used; nothing where there are none.
pub fn bad(bad: &[Bad]) -> String {
    if bad.is_empty() {
        return String::new();
    }
    let lines = many(bad.len(), "line", "lines");
    let mut text = format!("{lines} cannot be used\n");
    for Bad { line, reason } in bad {
        text.push_str(&format!("  line {line}: {}\n", printable(reason)));
    }
    text
}

/// What came of it.
pub fn applied(applied: &Applied, unchanged: usize, unusable: &[Bad]) -> String {
    let Applied {
        created,
        changed,
        deactivated,
        groups,
        failed,
    } = applied;
    let mut text = format!("{created} created, {changed} changed, {unchanged} unchanged");
    if *deactivated > 0 {
        text.push_str(&format!(", {deactivated} made inactive"));
    }
    if *groups > 0 {
        let groups = many(*groups, "group", "groups");
        text.push_str(&format!(", {groups} created or changed"));
    }
    text.push('\n');
    if !failed.is_empty() {
        let changes = many(failed.len(), "change was", "changes were");
        text.push_str(&format!("{changes} not made\n"));
    }
    for one in failed {
        text.push_str(&format!("  {}\n", printable(one)));
    }
    text.push_str(&bad(unusable));
    text
}

fn part(what: &str, lines: &[String], most: usize) -> String {
    let mut text = format!("{} {what}\n", lines.len());
    for line in lines.iter().take(most) {
        text.push_str(&format!("  {}\n", printable(line)));
    }
    if lines.len() > most {
        text.push_str(&format!("  and {} more (--all)\n", lines.len() - most));
    }
    text
}

/// So many of them, in words.
fn many<N: Display + PartialEq + From<u8>>(count: N, one: &str, more: &str) -> String {
    let word = if count == N::from(1) { one } else { more };
    format!("{count} {word}")
}

const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::plan::UserStep;
    use super::*;

    #[test]
    fn a_preview_shows_the_first_of_each_kind_and_all_that_is_bad() {
        let step = |number: u64| UserStep {
            line: number,
            name: format!("u{number}\u{1b}[2J"),
            what: UserChange::Create(0, Value::Null),
        };
        let plan = Plan {
            users: (0..25).map(step).collect(),
            missing: vec!["eve".into()],
            bad: (1..40).map(|line| Bad::new(line, "no")).collect(),
            ..Plan::default()
        };
        let text = lines(&plan, false);
        assert!(text.starts_with("25 new\n  + u0[2J\n"), "{text}");
        for said in [
            "and 5 more",
            "? eve",
            "39 lines cannot be used",
            "line 39: no",
            "--apply",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(lines(&plan, true).contains("u24"));
        assert!(!lines(&Plan::default(), false).contains("--apply"));
        assert!(bad(&[Bad::new(1, "no")]).starts_with("1 line cannot"));
    }
}
