//! Wasmtime's engine and the compiled components, shared by all hosts of the process.
//!
//! Compiling is the slow part of a start, so it is remembered twice: in this process by the file's
//! path, time and size (tests start many hosts), and on disk by Wasmtime's own cache (a second
//! start is quick). Instances come from a pool, as in Spin: instantiating is then microseconds.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use wasmtime::component::Component;
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};

/// The engine of this process.
pub fn engine() -> Result<&'static Engine> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| create().map_err(|error| format!("{error:#}")));
    engine
        .as_ref()
        .map_err(|error| anyhow!("the Wasm engine does not start: {error}"))
}

/// The compiled component of the file at `path`. Blocks while it compiles.
pub fn compiled(path: &Path) -> Result<Component> {
    static COMPILED: OnceLock<Mutex<HashMap<Version, Component>>> = OnceLock::new();
    let version = Version::of(path).with_context(|| {
        format!(
            "the component {} is not there; is it built?",
            path.display()
        )
    })?;
    // Held while compiling: two hosts that start together must not compile the same file twice.
    let mut compiled = COMPILED
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(component) = compiled.get(&version) {
        return Ok(component.clone());
    }
    let component = Component::from_file(engine()?, path)
        .map_err(plain)
        .with_context(|| format!("{} is not a component", path.display()))?;
    compiled.retain(|known, _| known.path != version.path);
    compiled.insert(version, component.clone());
    Ok(component)
}

/// Wasmtime's error as `anyhow`'s, its causes kept.
pub fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::from_boxed(error.into_boxed_dyn_error())
}

#[derive(PartialEq, Eq, Hash)]
struct Version {
    path: PathBuf,
    modified: SystemTime,
    length: u64,
}

impl Version {
    fn of(path: &Path) -> std::io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            modified: metadata.modified()?,
            length: metadata.len(),
        })
    }
}

fn create() -> Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.wasm_component_model_async(true);
    config.cache(Some(cache()?));
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    Engine::new(&config).or_else(|_| {
        // Little address space (some containers, some ARM systems): slower, but it runs.
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        Engine::new(&config).map_err(plain)
    })
}

/// Spin's limits: 1000 instances, each with up to 4 GiB of memory of which only what is touched is
/// ever real.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(INSTANCES)
        .total_memories(INSTANCES)
        .total_stacks(INSTANCES)
        .total_tables(2 * INSTANCES)
        .total_core_instances(4 * INSTANCES)
        .table_elements(100_000)
        .max_component_instance_size(10 * MIB)
        .max_core_instance_size(10 * MIB)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .max_tables_per_module(2)
        .max_memories_per_module(2)
        .max_memory_size(4096 * MIB)
        .linear_memory_keep_resident(2 * MIB)
        .table_keep_resident(MIB / 2);
    pool
}

fn cache() -> Result<Cache> {
    let mut config = CacheConfig::new();
    config.with_directory(cache_folder()?);
    Cache::new(config).map_err(plain)
}

/// Beside what cargo built, if cargo built this program, so that all of a checkout's tests share
/// it; otherwise under the folder the program was started in.
fn cache_folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let built_by_cargo = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    Ok(match program.ancestors().find(built_by_cargo) {
        Some(target) => target.join("holdfast-compiled"),
        None => std::env::current_dir()?.join(".holdfast/compiled"),
    })
}

const INSTANCES: u32 = 1000;
const MIB: usize = 1 << 20;
