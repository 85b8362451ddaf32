//! One component of the running application, and the state of one instance of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::ProxyPre;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::engine::{self, plain};
use super::key_value::{self, Database};
use super::log::{GuestOutput, LogSink};
use super::outbound_http::{Clients, Outbound};
use super::{sockets, variables};
use crate::grants::Grants;
use crate::manifest;

/// What all components of an application share.
#[derive(Clone)]
pub struct Services {
    pub key_value: Database,
    pub http: Clients,
    pub log: LogSink,
    pub own_address: SocketAddr,
    /// Set when the host is stopped: a guest that ends then has not failed.
    pub stopping: Arc<AtomicBool>,
}

/// A component, compiled and linked, from which instances are made.
pub struct Blueprint {
    pub id: Arc<str>,
    pub log: LogSink,
    pub handler: ProxyPre<Guest>,
    declared: Arc<manifest::Component>,
    grants: Arc<Grants>,
    pub services: Services,
    engine: Engine,
}

/// The host's side of one instance.
pub struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    pub key_value: Database,
    pub declared: Arc<manifest::Component>,
}

impl Blueprint {
    /// Compiles and links the component. Blocks while it compiles.
    pub fn load(declared: manifest::Component, services: Services) -> Result<Self> {
        let id: Arc<str> = declared.id.as_str().into();
        if let Some(fault) = declared.grants.fault() {
            let line = format!("nothing may be reached: {fault}");
            (services.log)(&id, line.as_bytes());
        }
        let component = engine::compiled(&declared.source)?;
        let engine = engine::engine()?.clone();
        let linked = linker(&engine)
            .map_err(plain)?
            .instantiate_pre(&component)
            .map_err(plain)
            .with_context(|| format!("component {id:?} asks for what this host does not offer"))?;
        Ok(Self {
            handler: handler(linked)
                .with_context(|| format!("component {id:?} does not serve HTTP (wasi:http)"))?,
            log: services.log.clone(),
            grants: Arc::new(declared.grants.clone()),
            declared: Arc::new(declared),
            services,
            engine,
            id,
        })
    }

    /// The store for a new instance.
    pub fn store(&self) -> Store<Guest> {
        let output = || GuestOutput::new(self.id.clone(), self.log.clone());
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(output()).stderr(output());
        for (name, value) in &self.declared.environment {
            wasi.env(name, value);
        }
        sockets::connect_only(&mut wasi, &self.id, &self.grants, &self.log);
        let guest = Guest {
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound {
                component: self.id.clone(),
                grants: self.grants.clone(),
                clients: self.services.http.clone(),
                own_address: self.services.own_address,
                log: self.log.clone(),
            },
            key_value: self.services.key_value.clone(),
            declared: self.declared.clone(),
        };
        Store::new(&self.engine, guest)
    }
}

impl Guest {
    /// The table of the resources the instance holds.
    pub fn resources(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outbound,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Everything a component may import: like Spin, WASI 0.2 and 0.3 side by side.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    key_value::add_to_linker(&mut linker)?;
    variables::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// WASI 0.3 handlers share an instance between requests; those of WASI 0.2 get one each.
fn handler(linked: wasmtime::component::InstancePre<Guest>) -> Result<ProxyPre<Guest>> {
    use wasmtime_wasi_http::{p2, p3};
    match p3::bindings::ServicePre::new(linked.clone()) {
        Ok(service) => Ok(ProxyPre::P3(service)),
        Err(_) => Ok(ProxyPre::P2(
            p2::bindings::ProxyPre::new(linked).map_err(plain)?,
        )),
    }
}
