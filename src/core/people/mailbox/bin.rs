//! The bin: what a user threw away, whether it came or was sent, until the user deletes it.
//!
//! What lies in it is known from the marks, so that a look into it does not go through the whole mailbox.
//! Deleting is for this mailbox alone: a message that came is listed no more and is delivered all the
//! same, of one that was sent here nothing is kept but that it was.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::entry;
use super::folder::{self, ListPage, Listed};
use super::marks::{self, Marks};
use super::sending;
use crate::custody::held::Copy;
use crate::custody::store::{Store, StoreError};
use crate::limits;
use crate::people::UserId;

/// Where a page of the bin begins.
#[derive(Clone, Copy, Debug)]
pub enum Start<'c> {
    /// With the newest.
    Newest,
    /// Behind this message.
    After(&'c Copy),
    /// So that it ends before this message.
    Before(&'c Copy),
}

/// At most `most` of what is in the bin.
pub async fn page<S: Store>(
    store: &S,
    user: UserId,
    start: Start<'_>,
    most: usize,
) -> Result<ListPage, StoreError> {
    let mut copies = marks::binned(store, user).await?;
    match start {
        Start::Newest => {}
        Start::After(after) => copies.retain(|copy| entry::name(copy) > entry::name(after)),
        Start::Before(before) => {
            copies.retain(|copy| entry::name(copy) < entry::name(before));
            copies.reverse();
        }
    }
    let (mut page, mut more) = (ListPage::default(), false);
    let looks = copies.iter().map(|copy| find(store, user, copy));
    let mut found = stream::iter(looks).buffered(limits::FILING_CONCURRENCY);
    while let Some(listed) = found.try_next().await? {
        // It went home meanwhile, and nothing is kept here.
        let Some(listed) = listed else { continue };
        if page.listed.len() == most {
            more = true;
            break;
        }
        page.listed.push(listed);
    }
    if let Start::Before(_) = start {
        page.listed.reverse();
        more = true;
    }
    page.next = page
        .listed
        .last()
        .map(|last| last.entry.copy)
        .filter(|_| more);
    Ok(page)
}

/// How many messages are in the bin.
pub async fn count<S: Store>(store: &S, user: UserId) -> Result<usize, StoreError> {
    Ok(marks::binned(store, user).await?.len())
}

/// Deletes those of these messages that are in the bin.
pub async fn delete<S: Store>(store: &S, user: UserId, copies: &[Copy]) -> Result<(), StoreError> {
    let in_bin = marks::binned(store, user).await?;
    let copies: Vec<Copy> = in_bin
        .into_iter()
        .filter(|copy| copies.contains(copy))
        .collect();
    forget(store, user, &copies).await
}

/// Deletes all that is in the bin.
pub async fn empty<S: Store>(store: &S, user: UserId) -> Result<(), StoreError> {
    let copies = marks::binned(store, user).await?;
    forget(store, user, &copies).await
}

async fn forget<S: Store>(store: &S, user: UserId, copies: &[Copy]) -> Result<(), StoreError> {
    let forgotten = copies.iter().map(|copy| sending::forget(store, user, copy));
    stream::iter(forgotten)
        .buffer_unordered(limits::FILING_CONCURRENCY)
        .try_collect::<()>()
        .await?;
    // The marks last: who dies before finds it in the bin, and deletes it again. What was taken out of
    // the bin meanwhile stays.
    let gone = |marks: &mut Marks| {
        marks.gone |= marks.binned;
        marks.binned = false;
    };
    marks::change(store, user, copies, gone).await
}

async fn find<S: Store>(
    store: &S,
    user: UserId,
    copy: &Copy,
) -> Result<Option<Listed>, StoreError> {
    match folder::find(store, user, copy).await? {
        Some(listed) => Ok(Some(listed)),
        None => folder::find_sent(store, user, copy).await,
    }
}
