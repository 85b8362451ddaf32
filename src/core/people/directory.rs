//! The directory: users and groups, who owns which address, who is in which group.
//!
//! A record (`people/users/ID.json`, `people/groups/ID.json`) is the only truth; one write of one
//! record is the commit of a change. Everything else is an index that can be made anew from it:
//!
//! | objects | what they say | their kind |
//! | --- | --- | --- |
//! | `people/names/HASH.json` | whose userName it is | a claim: one holder |
//! | `people/addresses/HASH.json` | whose address it is | a claim: one holder |
//! | `people/external/HASH/ID`, `people/group-external/HASH/ID` | who has this externalId | a mark |
//! | `people/group-names/HASH/ID` | which groups have this displayName | a mark |
//! | `people/book/XX.json` | summaries, for lists and the address book | derived |
//! | `people/repairs/ID.json` | a change is on its way, and which of these objects it touches | a journal |
//! | `people/indexed.json` | for which routed domains the indexes were made | a cursor |
//!
//! A change writes its journal, makes its claims, writes the record under a condition, and then
//! brings the rest in line ([`index`]). An instance that dies in between leaves the journal, and
//! [`repair`] ends the work. No lookup believes an index: it reads the record and sees whether that
//! still says so; a claim whose holder no longer says so is free.
//!
//! Two writers never get one name: who takes a claim over from a holder whose record does not say
//! so (it died, or is on its way) first changes that record, so that the holder's own conditional
//! write fails. Claims are given back by writing an empty one, because a store cannot delete under
//! a condition and a claim made in between must not be lost.
//!
//! | chapter | what it says |
//! | --- | --- |
//! | [`user`], [`group`] | the records and what is read from them |
//! | [`lookup`] | one record, by id, by name, by address |
//! | [`change`] | create, replace, delete |
//! | [`expand`](mod@expand) | who is in a group |
//! | [`book`](mod@book) | summaries and search |
//! | [`index`], [`journal`], [`repair`](mod@repair) | how the indexes stay in line |

pub mod book;
pub mod change;
pub mod expand;
pub mod group;
pub mod index;
pub mod journal;
pub mod keys;
pub mod lookup;
pub mod repair;
pub mod user;

pub use book::{Card, Summary, Wanted, search, search_all};
pub use change::{
    ChangeError, create_group, create_user, delete_group, delete_user, replace_group, replace_user,
};
pub use expand::{expand, is_member};
pub use group::{Group, Member};
pub use keys::Owner;
pub use lookup::{
    group, group_with_version, groups_by_external_id, groups_by_name, is_empty, owner_of, user,
    user_by_name, user_with_version, users_by_external_id,
};
pub use repair::{Repaired, repair};
pub use user::{Attributes, User};

#[cfg(test)]
pub(crate) mod tests;
