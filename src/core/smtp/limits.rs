//! Every bound of the SMTP client, so that no server and no caller can make it use more.
//!
//! RFC 5321 section 4.5.3.1 gives the least that must be supported; these are several times that.

/// The longest reply line that is read, in octets without its line end (RFC 5321 says 512).
pub const REPLY_LINE_OCTETS: usize = 4096;

/// The most lines one reply may have. A long EHLO has about 20.
pub const REPLY_LINES: usize = 100;

/// The most octets all lines of one reply may have together.
pub const REPLY_OCTETS: usize = 64 * 1024;

/// How much of a reply's text is kept in a record, in octets.
pub const REPLY_TEXT_OCTETS: usize = 1024;

/// The longest address, in octets: 64 of local part, `@`, 255 of domain (RFC 5321 4.5.3.1.1 and
/// 4.5.3.1.2).
pub const ADDRESS_OCTETS: usize = 320;

/// The most recipients of one transaction. RFC 5321 4.5.3.1.8 has servers take at least 100.
/// It also bounds a pipelined flight and its replies, so that neither fills a socket's buffers
/// while the other side waits (RFC 2920 section 3.1).
pub const RECIPIENTS: usize = 1000;

/// The longest user name or password, in octets. In base64 it stays far below the 12,288 octets
/// of an AUTH line (RFC 4954 section 4).
pub const CREDENTIAL_OCTETS: usize = 1024;

/// How much message is written at a time, in octets. A message below it leaves in one write.
pub const BLOCK_OCTETS: usize = 64 * 1024;
