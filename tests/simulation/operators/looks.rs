//! What operators look at. Each look is checked against what the storage showed meanwhile.

use holdfast_core::operate;
use holdfast_core::operate::queue::{self, Query};
use holdfast_core::operate::release;

use crate::machine::Instance;

/// The health of all routes.
pub async fn health(instance: &Instance) {
    let asked = instance.sim.checks.asked(instance);
    let told =
        instance.ask(async move |instance| operate::health(instance, &instance.sim.config).await);
    if let Some(told) = told.await {
        instance.sim.checks.told_health(instance, &asked, &told);
    }
    instance.sim.checks.answered_question(asked);
}

/// How releases go.
pub async fn releases(instance: &Instance) {
    let asked = instance.sim.checks.asked(instance);
    let told =
        instance.ask(async move |instance| release::releases(instance, &instance.sim.config).await);
    if let Some(told) = told.await {
        instance.sim.checks.told_releases(instance, &asked, &told);
    }
    instance.sim.checks.answered_question(asked);
}

/// What is held.
pub async fn list(instance: &Instance) {
    let asked = instance.sim.checks.asked(instance);
    let told = instance.ask(async move |instance| {
        queue::list(instance, &instance.sim.config, &Query::default()).await
    });
    if let Some(told) = told.await {
        instance.sim.checks.told_queue(instance, &asked, &told);
    }
    instance.sim.checks.answered_question(asked);
}
