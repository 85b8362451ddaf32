//! After-work: a submission that met a route with something due lets a little time pass for it,
//! after its answer went out. So an installation that nobody ticks still finds its primary again.
//! Nothing that was promised depends on it.

use std::rc::Rc;

use holdfast_core::ports::Clock as _;
use holdfast_core::tick;
use holdfast_edge::app::App;
use wasip3::wit_bindgen;

/// Starts it where something is due.
pub fn work(app: &Rc<App>) {
    let now = app.now();
    if !app
        .config
        .routes
        .iter()
        .any(|route| tick::due(route, &app.cache, now))
    {
        return;
    }
    let app = app.clone();
    wit_bindgen::spawn(async move {
        for route in app
            .config
            .routes
            .iter()
            .filter(|route| tick::due(route, &app.cache, app.now()))
        {
            tick::probe_route(&*app, &app.cache, route).await;
        }
    });
}
