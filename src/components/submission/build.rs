//! Writes the API's description, from core's types, for the component to serve.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    std::fs::write(
        Path::new(&out).join("openapi.json"),
        holdfast_core::openapi::document(),
    )
}
