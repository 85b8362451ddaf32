//! Deployment settings: Spin's variables, or `HOLDFAST_<NAME>` in the environment of a host that
//! has none.

/// Reads one setting; one that is not set is empty.
#[cfg(feature = "spin")]
pub async fn get(name: &str) -> Result<String, String> {
    use spin_sdk::variables::{Error, get};
    match get(name).await {
        Ok(value) => Ok(value),
        Err(Error::Undefined(_)) => Ok(String::new()),
        Err(_) => Err(format!("the host could not give the variable {name}")),
    }
}

/// Reads one setting; one that is not set is empty.
#[cfg(not(feature = "spin"))]
pub async fn get(name: &str) -> Result<String, String> {
    Ok(std::env::var(format!("HOLDFAST_{}", name.to_uppercase())).unwrap_or_default())
}
