//! What every store must do, as one suite that each of them passes: memory, key-value and S3 in
//! this crate's tests, the host's own from inside a component (`tests/components/probe`).

use bytes::Bytes;

use super::{Condition, Put, Store, StoreError, Version};

/// Runs the suite under `prefix`, which must be empty before and is empty after.
/// The error says which rule was broken, or what the storage said.
pub async fn check(store: &impl Store, prefix: &str) -> Result<(), String> {
    what_is_put_is_what_is_got(store, prefix).await?;
    an_object_is_replaced_whole(store, prefix).await?;
    conditions_hold(store, prefix).await?;
    listings_are_in_order_and_paged(store, prefix).await?;
    limits_hold(store, prefix).await
}

async fn what_is_put_is_what_is_got(store: &impl Store, prefix: &str) -> Result<(), String> {
    let key = format!("{prefix}bytes/every byte+&%20ü=~.eml");
    let all: Bytes = (0..=255_u8).cycle().take(70_000).collect::<Vec<_>>().into();
    rule(
        store.get(&key, 100_000).await.map_err(said)?.is_none(),
        "an object that was not put is not there",
    )?;
    rule(
        store.peek(&key, 1).await.map_err(said)?.is_none(),
        "nor its first bytes",
    )?;
    put(
        store,
        &key,
        &[all.slice(..10), all.slice(10..)],
        Condition::Always,
    )
    .await?;
    let got = store.get(&key, 100_000).await.map_err(said)?;
    rule(
        got.is_some_and(|object| object.bytes == all),
        "pieces are put together and come back byte for byte",
    )?;
    let first = store.peek(&key, 300).await.map_err(said)?;
    rule(
        first.is_some_and(|bytes| bytes == all.slice(..300)),
        "the first bytes are the first bytes",
    )?;
    let short = store.peek(&key, 1_000_000).await.map_err(said)?;
    rule(
        short.is_some_and(|bytes| bytes == all),
        "asking for more than there is gives all there is",
    )?;
    store.delete(&key).await.map_err(said)?;
    rule(
        store.get(&key, 100_000).await.map_err(said)?.is_none(),
        "what was deleted is gone",
    )?;
    store.delete(&key).await.map_err(said)
}

async fn an_object_is_replaced_whole(store: &impl Store, prefix: &str) -> Result<(), String> {
    let key = format!("{prefix}replaced.json");
    let long = put(
        store,
        &key,
        &[Bytes::from_static(b"a long one")],
        Condition::Always,
    )
    .await?;
    let empty = put(store, &key, &[], Condition::Always).await?;
    rule(long != empty, "another content is another version")?;
    let got = store.get(&key, 10).await.map_err(said)?;
    rule(
        got.is_some_and(|o| o.bytes.is_empty() && Some(o.version) == empty),
        "an empty object is an object",
    )?;
    store.delete(&key).await.map_err(said)
}

async fn conditions_hold(store: &impl Store, prefix: &str) -> Result<(), String> {
    let key = format!("{prefix}condition.json");
    let body = |text: &'static str| [Bytes::from_static(text.as_bytes())];
    let none = put(
        store,
        &key,
        &body("x"),
        Condition::Unchanged(Version("\"0\"".into())),
    )
    .await?;
    rule(none.is_none(), "what is not there is not unchanged")?;
    let first = put(store, &key, &body("first"), Condition::Absent).await?;
    rule(first.is_some(), "absent holds where nothing is")?;
    rule(
        put(store, &key, &body("late"), Condition::Absent)
            .await?
            .is_none(),
        "absent fails where something is",
    )?;
    let Some(first) = first else { return Ok(()) };
    let got = store.get(&key, 10).await.map_err(said)?;
    rule(
        got.as_ref().is_some_and(|o| o.version == first),
        "the version that was written is the one that is read",
    )?;
    let second = put(
        store,
        &key,
        &body("second"),
        Condition::Unchanged(first.clone()),
    )
    .await?;
    rule(
        second.is_some(),
        "unchanged holds for the version that is there",
    )?;
    let stale = put(store, &key, &body("stale"), Condition::Unchanged(first)).await?;
    rule(stale.is_none(), "unchanged fails for one that was replaced")?;
    let got = store.get(&key, 10).await.map_err(said)?;
    rule(
        got.is_some_and(|o| o.bytes == "second"),
        "a write whose condition failed wrote nothing",
    )?;
    store.delete(&key).await.map_err(said)
}

async fn listings_are_in_order_and_paged(store: &impl Store, prefix: &str) -> Result<(), String> {
    let own = format!("{prefix}list/");
    let names = ["a", "b c", "b&<>\"d", "b/é", "b/ü", "c"];
    for name in names.iter().rev() {
        put(
            store,
            &format!("{own}{name}"),
            &[Bytes::from_static(b"x")],
            Condition::Always,
        )
        .await?;
    }
    // They stand right before and behind the prefix.
    let neighbours = ["list-", "list0"].map(|name| format!("{prefix}{name}"));
    for neighbour in &neighbours {
        put(store, neighbour, &[], Condition::Always).await?;
    }
    let all: Vec<String> = {
        let mut all: Vec<_> = names.iter().map(|name| format!("{own}{name}")).collect();
        all.sort_unstable();
        all
    };
    let whole = store.list(&own, None, 100).await.map_err(said)?;
    rule(
        whole.keys == all && !whole.more,
        &format!("all keys of a prefix, in order: {:?}", whole.keys),
    )?;
    let mut paged = Vec::new();
    for _ in 0..names.len() {
        let page = store
            .list(&own, paged.last().map(String::as_str), 2)
            .await
            .map_err(said)?;
        rule(page.keys.len() <= 2, "a page is not longer than asked")?;
        paged.extend(page.keys);
        if !page.more {
            break;
        }
    }
    rule(
        paged == all,
        &format!("pages together are the whole: {paged:?}"),
    )?;
    let none = store
        .list(&format!("{own}zzz"), None, 5)
        .await
        .map_err(said)?;
    rule(
        none.keys.is_empty() && !none.more,
        "nothing is listed as nothing",
    )?;
    for key in all.iter().chain(&neighbours) {
        store.delete(key).await.map_err(said)?;
    }
    Ok(())
}

async fn limits_hold(store: &impl Store, prefix: &str) -> Result<(), String> {
    let key = format!("{prefix}limit.json");
    put(
        store,
        &key,
        &[Bytes::from_static(b"0123456789")],
        Condition::Always,
    )
    .await?;
    rule(
        store.get(&key, 10).await.is_ok(),
        "an object as long as the limit is read",
    )?;
    rule(
        store.get(&key, 9).await.is_err(),
        "a longer one is an error, not memory",
    )?;
    store.delete(&key).await.map_err(said)
}

async fn put(
    store: &impl Store,
    key: &str,
    body: &[Bytes],
    condition: Condition,
) -> Result<Option<Version>, String> {
    match store.put(key, body, condition).await.map_err(said)? {
        Put::Written(version) => Ok(Some(version)),
        Put::Conflict => Ok(None),
    }
}

fn rule(holds: bool, rule: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(format!("broken: {rule}"))
    }
}

fn said(error: StoreError) -> String {
    error.to_string()
}
