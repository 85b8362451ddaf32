//! Every limit Holdfast sets, with its unit, in one place.
//!
//! A limit is either a default the configuration can change (then its name stands in README's
//! table) or a bound that nobody should need to change. Nothing in Holdfast grows or waits
//! without one.

use std::time::Duration;

/// Bytes of one message as submitted, unless `limits.message_bytes` says otherwise.
pub const MESSAGE_BYTES: usize = 26_214_400;
/// The most `limits.message_bytes` may say: what one instance can hold twice over in its memory.
pub const MESSAGE_BYTES_CEILING: usize = 157_286_400;
/// Recipients of one submission, unless `limits.recipients` says otherwise (RFC 5321, 4.5.3.1.8).
pub const RECIPIENTS: usize = 100;
/// The most `limits.recipients` may say.
pub const RECIPIENTS_CEILING: usize = 1_000;
/// Bytes of everything in a multipart or JSON body that is not the message itself.
pub const BODY_OVERHEAD_BYTES: usize = 262_144;
/// Parts of a multipart body.
pub const BODY_PARTS: usize = 2_048;
/// Attachments of one JSON message.
pub const ATTACHMENTS: usize = 100;
/// Header fields a JSON message may add.
pub const EXTRA_HEADERS: usize = 100;
/// Characters of one header field's value in a JSON message.
pub const HEADER_VALUE_CHARS: usize = 8_000;
/// `Received:` lines after which a message is taken to be looping (RFC 5321, 6.3, asks for 100 at
/// least where nothing else is known; gateways in front of us are few).
pub const RECEIVED_LINES: usize = 50;
/// Characters of a gateway's own name for a message, which becomes a part of a key.
pub const GATEWAY_NAME_CHARS: usize = 120;
/// How old a signature of Mailgun may be: it tries for 8 hours, and clocks differ.
pub const GATEWAY_SIGNATURE: Duration = Duration::from_secs(24 * 3_600);
/// How far a gateway's clock may be ahead.
pub const GATEWAY_CLOCK: Duration = Duration::from_secs(300);
/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_CHARS: usize = 256;
/// Characters of an envelope id (RFC 3461, 4.4).
pub const ENVELOPE_ID_CHARS: usize = 100;
/// Bytes of a message that is given back whole in a report; of a larger one comes the header.
pub const DSN_FULL_BYTES: usize = 262_144;
/// Bytes of a header that are given back.
pub const DSN_HEADER_BYTES: usize = 65_536;
/// Bytes of a reply's words in a report.
pub const DSN_WORDS_BYTES: usize = 500;
/// Bytes of an operator's request body.
pub const OPERATOR_BODY_BYTES: usize = 65_536;
/// Entries in one page of what operators read.
pub const OPERATOR_PAGE: usize = 100;
/// Bytes of the configuration document.
pub const CONFIG_BYTES: usize = 1_048_576;
/// Bytes of one of our own JSON objects in storage: anything longer was not written by us.
pub const RECORD_BYTES: usize = 1_048_576;
/// Bytes of a held message that are read first to see Holdfast's own lines.
pub const HELD_LINES_BYTES: usize = 16_384;
/// Storage requests at once, to show operators a page.
pub const OPERATOR_CONCURRENCY: usize = 16;
/// Bytes of Holdfast's own lines in front of a held message, at most.
pub const HELD_PREFIX_BYTES: usize = 1_048_576;

/// Opening a connection to a primary.
pub const CONNECT: Duration = Duration::from_secs(4);
/// A primary's answer to a command.
pub const REPLY: Duration = Duration::from_secs(8);
/// A primary taking one block of the message.
pub const DATA_BLOCK: Duration = Duration::from_secs(15);
/// A primary's answer to the end of the message: it may scan the content first. Giving up here
/// makes the message uncertain, so it is the longest wait.
pub const DATA_END: Duration = Duration::from_secs(30);
/// The next piece of an HTTP response that has begun.
pub const BETWEEN_BYTES: Duration = Duration::from_secs(5);
/// A good-bye is a courtesy.
pub const QUIT: Duration = Duration::from_millis(500);
/// All attempts of one submission, over all addresses, up to the end of data.
pub const FORWARD_BUDGET: Duration = Duration::from_secs(15);
/// The same where the health could not be read: the primary gets a short chance before the hold.
pub const BLIND_FORWARD_BUDGET: Duration = Duration::from_secs(5);
/// Waiting for a route's state before a message goes on without it.
pub const STATE_READ: Duration = Duration::from_secs(1);
/// The longest a sender waits for an answer after its last byte arrived.
pub const SUBMISSION: Duration = Duration::from_secs(60);
/// A sender sending the next piece of its body.
pub const BODY_PIECE: Duration = Duration::from_secs(30);
/// Bytes of an unwanted body that are thrown away so that its sender can read the refusal.
pub const LINGER_BYTES: usize = 33_554_432;
/// How long that may take.
pub const LINGER: Duration = Duration::from_secs(5);
/// How long an idle session to a primary is kept for the next message in the same instance.
pub const SESSION_IDLE: Duration = Duration::from_secs(5);
/// Idle sessions kept per primary and instance.
pub const SESSIONS_IDLE: usize = 16;
/// Messages given to one session before it is closed, as Postfix's clients do.
pub const SESSION_MESSAGES: u32 = 100;

/// Opening a connection to the storage.
pub const STORAGE_CONNECT: Duration = Duration::from_secs(3);
/// The storage's answer to a small request; a large body adds a second for each mebibyte.
pub const STORAGE_REPLY: Duration = Duration::from_secs(5);
/// The most that a large body may add to that.
pub const STORAGE_TRANSFER: Duration = Duration::from_secs(30);
/// Tries of one storage request.
pub const STORAGE_TRIES: u32 = 3;
/// The first wait between tries; it doubles, with jitter.
pub const STORAGE_BACKOFF: Duration = Duration::from_millis(100);
/// All tries of one storage request together.
pub const STORAGE_BUDGET: Duration = Duration::from_secs(8);
/// All storage requests of one step with a submission's receipt: claiming it, looking for what an
/// earlier try left, completing it.
pub const RECEIPT_STEP: Duration = Duration::from_secs(8);
/// Keys in one page of a listing.
pub const LIST_PAGE: usize = 1_000;

/// A receipt that is still running after this was left by an instance that died.
pub const RECEIPT_RUNNING: Duration = Duration::from_secs(90);
/// Tries of a key whose names are read one by one; those of more tries are looked for in listings.
pub const RECALL_READS: u32 = 8;
/// Pieces of evidence kept in a primary's health.
pub const EVIDENCE: usize = 10;
/// Tries to write a route's state against other writers.
pub const STATE_TRIES: u32 = 6;
/// A probe or canary that was claimed and not finished after this was left by a dead instance.
pub const CLAIM: Duration = Duration::from_secs(60);
/// The first wait before a held message is tried again; it doubles.
pub const RETRY_FIRST: Duration = Duration::from_secs(30);
/// The longest wait between tries of a held message.
pub const RETRY_LONGEST: Duration = Duration::from_secs(3_600);
/// An attempt to release a message that has not reported after this was left by a dead instance.
pub const ATTEMPT: Duration = Duration::from_secs(90);
/// How long a message is held at most, unless `queue_lifetime` says otherwise.
pub const QUEUE_LIFETIME: Duration = Duration::from_secs(30 * 86_400);
/// Messages that one tick looks at to return them while their route is down.
pub const EXPIRED_LOOKS: usize = 200;
/// How long outcomes are kept, unless `retention.outcomes` says otherwise.
pub const OUTCOMES_KEPT: Duration = Duration::from_secs(90 * 86_400);
/// How long the audit log is kept, unless `retention.audit` says otherwise.
pub const AUDIT_KEPT: Duration = Duration::from_secs(400 * 86_400);
/// Objects that one tick deletes because their time is over.
pub const RETENTION_DELETES: usize = 500;
/// Retention is looked at so often, unless there is more to delete.
pub const RETENTION_EVERY: Duration = Duration::from_secs(3_600);
/// What retention believes that passed since its last run, at most: clocks can be wrong.
pub const RETENTION_STEP: Duration = Duration::from_secs(86_400);
/// Storage requests of retention at once.
pub const RETENTION_CONCURRENCY: usize = 16;
/// Held messages that are looked at for one that can be the canary.
pub const CANARY_CANDIDATES: usize = 20;
/// Messages released at once on one route, unless its `max_concurrency` says otherwise.
pub const RELEASE_CONCURRENCY: usize = 16;
/// The most `max_concurrency` may say.
pub const RELEASE_CONCURRENCY_CEILING: usize = 64;
/// Messages that are claimed, settled and removed together while a backlog is released.
pub const RELEASE_BATCH: usize = 128;
/// A releaser's hold on its route, unless it renews it: it is renewed while an attempt's time is left.
pub const LEASE: Duration = Duration::from_secs(120);
/// Requests to remove one object at a time, where the store cannot remove several at once.
pub const DELETES_AT_ONCE: usize = 16;
/// Pages of a listing that are read to count a queue.
pub const COUNT_PAGES: u32 = 20;
/// A release that goes on is reported so often.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(2);
/// The last tick is written down so often at most: each write is paid for.
pub const TICK_NOTED: Duration = Duration::from_secs(30);
/// Nobody ticks any more where the last tick that was written down is older than this.
pub const TICK_OVERDUE: Duration = Duration::from_secs(90);
/// What a tick answers, as a submission reads it that asked for one.
pub const TICKED_BYTES: usize = 262_144;
/// Reading all that `/metrics` tells. Prometheus gives up after 10 s.
pub const METRICS: Duration = Duration::from_secs(7);
/// A release that rested for longer than this is over; the next is another.
pub const RELEASE_PAUSE: Duration = Duration::from_secs(600);
/// One drill, all its steps together.
pub const DRILL: Duration = Duration::from_secs(30);
/// A drill that is due is begun in a tick that has so much time left.
pub const DRILL_LEAST: Duration = Duration::from_secs(10);
/// The shortest time between drills that run by themselves.
pub const DRILL_EVERY_LEAST: Duration = Duration::from_secs(3_600);
/// A drill that could not begin at its time is begun so much later at most.
pub const DRILL_LATE: Duration = Duration::from_secs(86_400);
/// What a drill left in the storage for so long was left by an instance that died.
pub const DRILL_LEFT: Duration = Duration::from_secs(3_600);
/// One tick.
pub const TICK: Duration = Duration::from_secs(20);
/// Ticks that follow one another after one call, while there is more: half an hour.
pub const TICKS_IN_A_ROW: u32 = 90;
/// What a sender is told to wait before it tries again.
pub const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Windows of an installation.
pub const WINDOWS: usize = 100;
/// How far ahead windows are planned, and conflicts between them looked for.
pub const WINDOW_HORIZON: Duration = Duration::from_secs(400 * 86_400);
/// Occurrences of one window that are planned.
pub const WINDOW_OCCURRENCES: usize = 16;
/// Intervals that are planned on one route.
pub const ROUTE_INTERVALS: usize = 64;
/// The longest that one occurrence may last.
pub const WINDOW_LENGTH: Duration = Duration::from_secs(31 * 86_400);
/// How far ahead an occurrence of a rule is looked for before the rule is said to have none.
pub const RULE_AHEAD: Duration = Duration::from_secs(30 * 365 * 86_400);
/// Days, weeks, months or years of a rule that are looked at: a century of days.
pub const RULE_PERIODS: u32 = 40_000;
/// Characters of a rule.
pub const RULE_CHARS: usize = 500;
/// How old a plan may be.
pub const PLAN_AGE: Duration = Duration::from_secs(3_600);
/// How long a window stays listed after its last end.
pub const WINDOW_KEPT: Duration = Duration::from_secs(86_400);
/// Changes of single occurrences that a window remembers.
pub const WINDOW_CHANGES: usize = 100;
/// Intervals of one route whose mail waits for a person; more are taken together.
pub const WAITING_WINDOWS: usize = 64;
/// How long after its end an interval is still taken for one in which mail may be held: a write of
/// a submission can arrive late.
pub const WAITING_GRACE: Duration = Duration::from_secs(300);
/// Messages that are tried although their interval waits for a person.
pub const WAITING_RETRIES: usize = 100;

/// Bytes of one group's record: 50,000 members take 2 MiB of it.
pub const GROUP_BYTES: usize = 8_388_608;
/// Members of one group.
pub const GROUP_MEMBERS: usize = 150_000;
/// Names and addresses of one user or group that are its own.
pub const PERSON_NAMES: usize = 200;
/// Users or groups of one externalId or displayName that are looked at.
pub const SAME_NAME: usize = 100;
/// Index objects that one journal names.
pub const JOURNAL_KEYS: usize = 2_000;
/// A journal that has been open for longer was left by an instance that died.
pub const JOURNAL_OPEN: Duration = Duration::from_secs(60);
/// A change of the directory must write its record within this time, well before anybody takes its
/// journal for left.
pub const PEOPLE_CHANGE: Duration = Duration::from_secs(30);
/// The longest wait before two writers of one object try again.
pub const PEOPLE_PAUSE: Duration = Duration::from_millis(300);
/// Tries to write one shard of the book against other writers.
pub const BOOK_TRIES: u32 = 20;
/// Records whose indexes are brought in line by one call.
pub const REPAIRS: usize = 100;
/// Reads of users, or of shards of the book, at once.
pub const PEOPLE_READS: usize = 16;
/// Reads of groups at once.
pub const GROUP_READS: usize = 2;
/// Groups that are gone through to see who is in one of them.
pub const EXPAND_GROUPS: usize = 1_000;
/// Members that are read one by one; of more the book is asked.
pub const EXPAND_READS: usize = 64;
/// Words of a query of the address book.
pub const SEARCH_WORDS: usize = 8;

/// Bytes of the body of a SCIM request: some 30,000 members.
pub const SCIM_BODY_BYTES: usize = 2_097_152;
/// Resources of one SCIM list at most, and where its client does not say.
pub const SCIM_PAGE: usize = 200;
/// Members of all groups of one SCIM list; a list that has more is cut short.
pub const SCIM_LIST_MEMBERS: usize = 100_000;
/// Records that one SCIM filter may read.
pub const SCIM_SCAN: usize = 60_000;
/// Operations of one SCIM PATCH.
pub const SCIM_OPERATIONS: usize = 2_000;
/// Tries of a SCIM change against other writers.
pub const SCIM_TRIES: u32 = 5;
/// Characters of a SCIM filter.
pub const SCIM_FILTER_CHARS: usize = 4_096;
/// Words, texts and signs of a SCIM filter.
pub const SCIM_FILTER_TOKENS: usize = 500;
/// How deep a SCIM filter may be nested.
pub const SCIM_FILTER_DEPTH: usize = 16;
// Logins.

/// Characters of a password at least (NIST SP 800-63B asks for 8 beside a second factor, 15 alone).
pub const PASSWORD_CHARS_LEAST: usize = 12;
/// Bytes of a password at most: a sentence, and nothing that makes hashing slow.
pub const PASSWORD_BYTES: usize = 512;
/// Bytes of the name that somebody logs in with (RFC 5321, 4.5.3.1: 64, an `@`, 255).
pub const LOGIN_NAME_BYTES: usize = 320;
/// Bytes of a deployment's `session_key` at least: as long as what is derived from it.
pub const SESSION_KEY_BYTES: usize = 32;
/// Kibibytes that hashing a password takes (OWASP's first choice for Argon2id: 19 MiB, 2, 1).
pub const PASSWORD_MEMORY_KIB: u32 = 19 * 1_024;
/// Passes over them.
pub const PASSWORD_PASSES: u32 = 2;
/// The most kibibytes that a stored hash may ask for: anything larger was not written by us.
pub const PASSWORD_MEMORY_KIB_CEILING: u32 = 65_536;
/// The most passes that a stored hash may ask for.
pub const PASSWORD_PASSES_CEILING: u32 = 10;
/// Recovery codes that a user gets.
pub const RECOVERY_CODES: usize = 10;
/// How long an activation link is good, unless its maker says otherwise.
pub const ACTIVATION: Duration = Duration::from_secs(7 * 86_400);
/// The longest that its maker may say.
pub const ACTIVATION_LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// A session ends so long after it began, whatever happens in it.
pub const SIGNED_IN: Duration = Duration::from_secs(12 * 3_600);
/// A session ends after so long without a request: long enough to write a letter.
pub const SIGNED_IN_IDLE: Duration = Duration::from_secs(3_600);
/// A session that has idled so long gets a new cookie with its next answer.
pub const SIGNED_IN_RENEWED: Duration = Duration::from_secs(300);
/// The time between the password and the second factor.
pub const HALF_SIGNED_IN: Duration = Duration::from_secs(300);
/// How far the clocks of two instances may be apart.
pub const CLOCKS_APART: Duration = Duration::from_secs(120);
/// Characters of a session's cookie; ours have about 200.
pub const COOKIE_CHARS: usize = 400;
/// The wait after the first failure that is slowed down; it doubles.
pub const THROTTLE_FIRST: Duration = Duration::from_secs(1);
/// The failure of an account after which its next attempt has to wait.
pub const ACCOUNT_FAILURES: u32 = 5;
/// The longest that an account's next attempt has to wait.
pub const ACCOUNT_WAIT: Duration = Duration::from_secs(900);
/// The failure of a client's address after which its next attempt has to wait: an office can stand
/// behind one address.
pub const ADDRESS_FAILURES: u32 = 50;
/// The longest that an address has to wait: one machine must not keep its whole office out.
pub const ADDRESS_WAIT: Duration = Duration::from_secs(60);
/// A record of failures that nobody touched for so long says nothing any more.
pub const THROTTLE_KEPT: Duration = Duration::from_secs(2 * 86_400);
/// Leftovers of logins that are looked at in one sweep.
pub const LOGIN_SWEEP: usize = 500;

// The access switch.

/// Entries of the access switch: routes, groups and users together.
pub const ACCESS_ENTRIES: usize = 1_000;
/// Characters of the name that an entry shows beside its id.
pub const ACCESS_NAME_CHARS: usize = 100;

// Mailboxes.

/// Names that filing walks at a time.
pub const FILING_PAGE: usize = 1_000;
/// Bytes of a message that are read to file it: its header, and the beginning of its text.
pub const FILING_BYTES: usize = 262_144;
/// Storage requests at once, while messages are filed.
pub const FILING_CONCURRENCY: usize = 16;
/// Mailboxes that one message is filed in.
pub const FILED_FOR: usize = 20_000;
/// Names in one list of recipients that are looked up in the address book.
pub const COMPLETED_NAMES: usize = 50;
/// Names that are told where one typed could be several people.
pub const TOLD_NAMES: usize = 4;
/// How long somebody who files a few messages may be at it: a tick's time, the storage's, and clocks
/// that are wrong.
pub const FILING_CLAIM: Duration = Duration::from_secs(120);
/// How far behind now a long queue is taken to be filed: the longest a submission takes, and clocks
/// that are wrong. What comes later still is found by the walk through all of it.
pub const FILING_LAG: Duration = Duration::from_secs(600);
/// Messages in one page of a list.
pub const FOLDER_PAGE: usize = 50;
/// Loose entries of a mailbox after which the older ones are packed.
pub const LOOSE_ENTRIES: usize = 400;
/// Entries that are packed together.
pub const PACKED_ENTRIES: usize = 500;
/// Bytes of an object of packed entries.
pub const PACK_BYTES: usize = 8_388_608;
/// Words of a search in a mailbox.
pub const FOLDER_WORDS: usize = 10;
/// Of the newest messages that are looked at to count the new ones.
pub const UNREAD_LOOKS: usize = 100;
/// Days that copies are kept, unless `copy_days` says otherwise.
pub const COPY_DAYS: u32 = 7;
/// The most that `copy_days` may say.
pub const COPY_DAYS_CEILING: u32 = 366;
/// Pages of copies that one run of the retention looks at.
pub const COPY_PAGES: usize = 10;

/// Bytes of a message's header that are read to show the message.
pub const SHOWN_HEADER_BYTES: usize = 262_144;
/// Bytes of a part's header that are read.
pub const PART_HEADER_BYTES: usize = 16_384;
/// Parts of a message that are told apart; what comes behind them is not shown.
pub const SHOWN_PARTS: usize = 300;
/// How deep parts may lie in one another before the inner ones are shown as they are.
pub const PART_DEPTH: usize = 12;
/// Bytes of a text part that are decoded to be shown.
pub const SHOWN_TEXT_BYTES: usize = 1_048_576;
/// Bytes of a text part that are looked at for a preview.
pub const PREVIEW_BYTES: usize = 32_768;
/// Characters of a preview.
pub const PREVIEW_CHARS: usize = 140;
/// Characters of a shown subject, name, file name or place.
pub const SHOWN_LINE_CHARS: usize = 300;
/// Bytes of a shown address: what stands in headers may be longer than RFC 5321 lets an envelope.
pub const SHOWN_ADDRESS_CHARS: usize = 320;
/// Recipients that a summary names.
pub const SUMMARY_RECIPIENTS: usize = 5;
/// Recipients, or attendees, that are shown of one field.
pub const SHOWN_PARTIES: usize = 500;
/// Characters of a Message-ID that is kept.
pub const KEPT_MESSAGE_ID_CHARS: usize = 250;
/// Message-IDs of `References` that an answer carries on.
pub const REFERENCES: usize = 20;
/// Elements of an HTML body that are shown; the text of the rest is.
pub const HTML_ELEMENTS: usize = 20_000;
/// How deep elements of an HTML body may lie in one another.
pub const HTML_DEPTH: usize = 128;
/// Attributes of one element that are read.
pub const HTML_ATTRIBUTES: usize = 40;
/// Bytes of an attribute's value, unless it is an image.
pub const HTML_ATTRIBUTE_BYTES: usize = 8_192;
/// Bytes of all images that are put into a shown HTML body from the message itself.
pub const INLINE_IMAGES_BYTES: usize = 4_194_304;
/// Bytes of an invitation's calendar.
pub const CALENDAR_BYTES: usize = 262_144;
/// Lines of an invitation's calendar.
pub const CALENDAR_LINES: usize = 5_000;
/// Bytes of time zone definitions that an answer to an invitation repeats.
pub const CALENDAR_ZONE_BYTES: usize = 16_384;
/// Lines of a text body that are marked up; the rest is shown plain.
pub const SHOWN_LINES: usize = 20_000;
/// Recipients of one message that a person writes.
pub const WRITTEN_RECIPIENTS: usize = 100;
/// Characters of a subject that a person writes.
pub const WRITTEN_SUBJECT_CHARS: usize = 500;
/// Bytes of a text that a person writes.
pub const WRITTEN_TEXT_BYTES: usize = 524_288;
/// Bytes of all files together that a person attaches.
pub const WRITTEN_FILES_BYTES: usize = 18_874_368;
/// Files that a person attaches.
pub const WRITTEN_FILES: usize = 20;
/// Bytes of an `Accept-Language` field that are read.
pub const ACCEPT_LANGUAGE_BYTES: usize = 1_000;
/// How long a chosen password waits for its second factor.
pub const CHOSEN_PASSWORD: Duration = Duration::from_secs(3_600);

// The webmail's site.

/// Bytes of a form without files.
pub const FORM_BYTES: usize = 65_536;
/// Fields of a form.
pub const FORM_FIELDS: usize = 1_000;
/// Messages of a search's answer.
pub const SEARCH_FOUND: usize = 100;
/// Messages of a conversation.
pub const THREAD_TURNS: usize = 50;
/// Of the newest messages that are looked at for a conversation.
pub const THREAD_LOOKS: usize = 2_000;
/// People whom a search of the address book shows.
pub const BOOK_FOUND: usize = 50;
/// How long a user's look at the inbox files what is new.
pub const FILING_LOOK: Duration = Duration::from_secs(2);

// Imports of a directory.

/// Bytes of a file that is imported.
pub const IMPORT_BYTES: u64 = 536_870_912;
/// People of one file.
pub const IMPORT_PEOPLE: usize = 500_000;
/// Groups of one file.
pub const IMPORT_GROUPS: usize = 50_000;
/// Lines of one file that cannot be used; of one that has more nothing is.
pub const IMPORT_BAD: usize = 10_000;
/// Characters of one cell, or bytes of one value.
pub const IMPORT_VALUE_CHARS: usize = 10_000;
/// Values of one attribute: as many as a group has members.
pub const IMPORT_VALUES: usize = GROUP_MEMBERS;
/// Packs that are made after one look at an inbox.
pub const PACKS_AT_ONCE: usize = 4;
