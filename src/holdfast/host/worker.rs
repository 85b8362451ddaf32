//! How many requests an instance serves and how long it lives, with Spin's defaults: 128 requests
//! one after another or up to 16 at once, and one second without work. An instance is a cache and
//! nothing more; any request may get a new one.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

use super::guest::{Blueprint, Guest};

/// Makes the instances of one component.
pub struct Workers(pub Arc<Blueprint>);

impl HandlerState for Workers {
    type StoreData = Guest;
    type WorkerExpiration = IdleLimit;
    type WorkerState = Reuse;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, IdleLimit, Reuse>> {
        let blueprint = &self.0;
        let mut store = blueprint.store();
        let proxy = blueprint.handler.instantiate_async(&mut store).await?;
        let (requests, at_once) = match proxy {
            Proxy::P3(_) => (REQUESTS_PER_INSTANCE, REQUESTS_AT_ONCE),
            Proxy::P2(_) => (1, 1),
        };
        Ok(Instance {
            store,
            proxy,
            view: Guest::http,
            expiration: IdleLimit(Box::pin(tokio::time::sleep(IDLE))),
            state: Reuse {
                blueprint: blueprint.clone(),
                requests,
                at_once,
            },
        })
    }
}

/// Ends an instance that had nothing to do for [`IDLE`]. Work in progress is not limited: Spin does
/// not limit it either, and the components set their own timeouts.
pub struct IdleLimit(Pin<Box<Sleep>>);

impl WorkerExpiration for IdleLimit {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        since: Instant,
    ) -> Poll<()> {
        if status != WorkerStatus::Idle {
            return Poll::Pending;
        }
        let sleep = &mut self.0;
        let deadline = (since + IDLE).into();
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(context)
    }
}

/// Decides whether an instance takes one more request.
pub struct Reuse {
    blueprint: Arc<Blueprint>,
    requests: usize,
    at_once: usize,
}

impl WorkerState for Reuse {
    type StoreData = Guest;
    type RequestData = ();

    fn should_accept_request(&self, at_once: usize, so_far: usize) -> ShouldAccept {
        if so_far >= self.requests {
            ShouldAccept::Never
        } else if at_once >= self.at_once {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Guest>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        Box::pin(std::future::pending())
    }

    fn drop(&self, store: Store<Guest>, result: wasmtime::Result<()>) {
        drop(store);
        let stopping = self.blueprint.services.stopping.load(Relaxed);
        if let Err(error) = result
            && !stopping
        {
            let line = format!("an instance failed: {error:?}");
            (self.blueprint.log)(&self.blueprint.id, line.as_bytes());
        }
    }
}

const REQUESTS_PER_INSTANCE: usize = 128;
const REQUESTS_AT_ONCE: usize = 16;
const IDLE: Duration = Duration::from_secs(1);
