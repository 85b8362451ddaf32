//! `holdfast demo`: a whole outage and a maintenance window in under a minute. Every step is
//! observed, not assumed: by the HTTP answer, in the primary's inbox, in the bucket, in the health
//! and the queue.

mod api;
mod handed;
mod message;
mod observation;
mod scene;
mod steps;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::texts;
use crate::components;
use observation::{Observation, Told};
use scene::Scene;
use steps::{outage, passing, release, window};

/// What `holdfast demo` can be told.
#[derive(Args)]
pub struct Arguments {
    /// The application's manifest.
    #[arg(long, default_value = "spin.toml")]
    from: PathBuf,
    /// Print one JSON object with what was observed and when.
    #[arg(long)]
    json: bool,
}

/// Plays it. Fails unless every step was observed in its time.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    texts::remark(BUILDING);
    let manifest = arguments.from.clone();
    tokio::task::spawn_blocking(move || components::build(&manifest)).await??;
    let scene = Scene::set(&arguments.from).await;
    let mut scene = scene.context("the demonstration cannot start")?;
    let began = Instant::now();
    if !arguments.json {
        texts::say(&scene.introduction());
    }
    let mut told = Told::new(began, !arguments.json);
    let played = play(&mut scene, &mut told).await;
    let log = scene.end().await;
    let observed = told.observations();
    let passed = played.is_ok() && observed.iter().all(Observation::is_seen);
    if arguments.json {
        let error = played.as_ref().err().map(|error| format!("{error:#}"));
        let seconds = began.elapsed().as_secs_f64();
        let result = json!({
            "passed": passed, "seconds": seconds, "error": error,
            "observations": observed.iter().map(Observation::json).collect::<Vec<_>>(),
        });
        texts::say(&result.to_string());
    }
    match (played, passed) {
        (_, true) if !arguments.json => {
            let seconds = began.elapsed().as_secs_f64();
            texts::say(&format!(
                "\nEvery step was observed, in {seconds:.1} s. Nothing of it is left behind."
            ));
        }
        (Err(error), _) => {
            texts::remark(&format!(
                "\nStopped: {error:#}\nThe application's log ends:"
            ));
            texts::remark(&log.join("\n"));
        }
        _ => {}
    }
    Ok(match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

async fn play(scene: &mut Scene, told: &mut Told) -> Result<()> {
    passing::delivered(scene, told, "A message is handed in").await?;
    let before = scene.inbox.messages().len();
    outage::primary_killed(scene, told).await?;
    let mut held = outage::held(scene, told).await?;
    outage::known_to_be_down(scene, told).await?;
    outage::in_the_bucket(scene, told, &held).await?;
    let open = window::opened(scene, told).await?;
    let visits = window::primary_back(scene, told).await?;
    held.extend(window::held(scene, told, &open).await?);
    window::left_alone(scene, told, visits, &held).await?;
    window::ended(scene, told, &open).await?;
    release::recovered(scene, told, &held, before).await?;
    release::released(scene, told, &held, visits, before).await?;
    passing::delivered(scene, told, "The next message is handed in").await?;
    passing::all_is_there(scene, told, &held)
}

/// A step that is not seen in this time was not seen.
const DEADLINE: Duration = Duration::from_secs(10);
const BUILDING: &str = "Building the components (the first time takes a few minutes)";
