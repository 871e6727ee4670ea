//! Bounds of the encoded forms, the same for every chain. Tighter ones are chain parameters in the genesis.

/// Largest encoded transaction. A single anchor is about 300 bytes; 64 operations with long ids stay below this.
pub const TRANSACTION_BYTES: usize = 64 * 1024;
/// Most operations in one transaction: keeps the cost of one transaction bounded.
pub const OPERATIONS: usize = 64;
/// Most transactions in one block. Were all refused with the longest message (900 bytes), the receipts stay below
/// [`BLOCK_BYTES`], beyond which no node could store them.
pub const BLOCK_TRANSACTIONS: usize = 8_192;
/// Largest sum of encoded transactions in a block.
pub const BLOCK_BYTES: usize = 8 * 1024 * 1024;
/// Longest chain id, namespace and organization id, in bytes.
pub const NAME_BYTES: usize = 64;
/// Longest record id, in bytes: GS1 URNs and 电子证照标识 with 32-character serials stay below this.
pub const RECORD_ID_BYTES: usize = 160;
/// Longest reason, in bytes: about eighty Chinese characters.
pub const REASON_BYTES: usize = 256;
/// Longest message of a rejection, in bytes: a sentence with the names of a record and of two organizations.
pub const MESSAGE_BYTES: usize = 1024;
/// Largest encoded receipt: an event for each of 64 operations with the longest ids is 16 KiB.
pub const RECEIPT_BYTES: usize = 32 * 1024;
/// Largest encoded record row: the longest names, id and reason are 600 bytes.
pub const RECORD_BYTES: usize = 1024;
/// Longest state key that is proven: that of an event of a batch, whose key names its producer, is 250 bytes.
pub const KEY_BYTES: usize = 384;
/// Largest encoded row that is proven. Only proposals can be larger.
pub const ROW_BYTES: usize = 20 * 1024;
/// Largest encoded row of a certificate: two identifiers beside its own, the longest reason and names are 850 bytes.
pub const CREDENTIAL_BYTES: usize = 1024;
/// Most fields of a certificate: forms in use have fewer than fifty.
pub const CREDENTIAL_FIELDS: usize = 256;
/// Most types of certificates in a genesis.
pub const CERTIFICATE_TYPES: usize = 256;
/// Longest name of a type of certificates, in bytes.
pub const CERTIFICATE_TYPE_NAME_BYTES: usize = 256;
/// Most records under one batch root.
pub const BATCH_RECORDS: u64 = 1 << 20;
/// Most validators: beyond this quadratic votes of non-aggregating signatures cost too much.
pub const VALIDATORS: usize = 128;
/// Longest span between submission and `valid_until_ms`: the window in which transaction ids are remembered.
pub const VALIDITY_MS: u64 = 600_000;
/// Length of a body's salt.
pub const SALT_BYTES: usize = 16;
/// Largest genesis file.
pub const GENESIS_BYTES: usize = 4 * 1024 * 1024;
/// Most organizations in a genesis.
pub const ORGANIZATIONS: usize = 4096;
/// Longest name of an organization or of a type of certificate, in bytes.
pub const ORGANIZATION_NAME_BYTES: usize = 256;
/// Most organizations from one to the root of the tree: province, city, county, office, and room for more.
pub const ORGANIZATION_DEPTH: usize = 16;
/// Most administrators of one organization, so that the row that lists them stays below 1 KiB.
pub const ADMINISTRATORS: usize = 24;
/// Largest row of an organization or a signer: 65 roles with all of their bounds are 10 KiB; usual rows have 200 bytes.
pub const MEMBER_ROW_BYTES: usize = 16 * 1024;
/// Length of a 证照类型代码.
pub const CERTIFICATE_TYPE_BYTES: usize = 21;
/// How long a proposal may stay open, milliseconds: an hour to a year.
pub const PROPOSAL_OPEN_MS: std::ops::RangeInclusive<u64> = 3_600_000..=365 * 24 * 3_600_000;
/// Most signers in a genesis.
pub const SIGNERS: usize = 4096;
/// Most roles of one signer.
pub const ROLES: usize = 64;
/// Largest encoded validator set: of each validator the key, the longest organization id and framing.
pub const VALIDATOR_SET_BYTES: usize = VALIDATORS * (33 + NAME_BYTES + 8);
/// Largest encoded evidence: two finalize votes are 340 bytes.
pub const EVIDENCE_BYTES: usize = 512;
/// Largest encoded row of a conviction: the evidence, two names, a key and framing.
pub const EVIDENCE_ROW_BYTES: usize = EVIDENCE_BYTES + 2 * NAME_BYTES + 128;
/// Largest encoded row of a proposal: the proposing operation, and an approval of each organization that there can be.
pub const PROPOSAL_BYTES: usize = TRANSACTION_BYTES + ORGANIZATIONS * (NAME_BYTES + 64) + 512;
/// Longest state key that an enactment names.
pub const ENACTED_KEY_BYTES: usize = 96;
/// Largest encoded certificate.
pub const CERTIFICATE_BYTES: usize = 256 + VALIDATORS * 72;
/// Most nullifications that a block carries: those of the newest views between its parent's and its own. More views than
/// this are skipped in a row only in an hour in which a quorum is alive and yet no block is notarized; validators then
/// hold the older nullifications themselves.
pub const SKIPS: usize = 512;
/// Most void blocks between an epoch's last block and the finalization that ends the epoch. They appear only while votes to
/// finalize are late, one a view; at the shortest view times this is minutes without any finalization.
pub const CLOSING: usize = 1024;
/// Latest time, milliseconds since the Unix epoch: the end of the year 9999. Later ones are no dates, and sums stay far
/// from overflowing.
pub const TIME_MS: u64 = 253_402_300_799_999;
/// Greatest height, view and epoch that a header may have: the next one always exists.
pub const NUMBER: u64 = u64::MAX / 2;
/// Most holders of a real estate unit.
pub const REALTY_HOLDERS: usize = 32;
/// Most burdens of one kind that are open on a real estate unit at once: what a verifier has to read stays bounded.
pub const REALTY_BURDENS: usize = 16;
/// Most who consent to a registration: every holder and the parties of every burden that has one.
pub const REALTY_CONSENTS: usize = REALTY_HOLDERS + 4 * REALTY_BURDENS;
/// Longest 用途 of a real estate unit, in bytes.
pub const REALTY_USE_BYTES: usize = 96;
/// Most registrations of one real estate unit: six digits keep their keys in order.
pub const REALTY_ENTRIES: u32 = 999_999;
/// Largest encoded row of a real estate unit or entry: 32 holders with shares, and twice as many where they are corrected.
pub const REALTY_ROW_BYTES: usize = 6 * 1024;
/// 农产品溯源: longest product code, product of an input and container label, in bytes.
pub const TRACE_LABEL_BYTES: usize = 64;
/// Longest unit (UCUM), in bytes.
pub const TRACE_UNIT_BYTES: usize = 16;
/// Most decimal places of a quantity.
pub const TRACE_SCALE: u32 = 6;
/// Longest 安全间隔期, in days.
pub const TRACE_SAFETY_DAYS: u32 = 365;
/// Most parents of a batch, and most batches that one operation makes.
pub const TRACE_PARTS: usize = 32;
/// Most pairs of a parent and a child that one operation makes: each is a row.
pub const TRACE_EDGES: usize = 64;
/// Most distinct ancestors of a batch: what the first event of a batch after a recall may have to read.
pub const TRACE_ANCESTORS: usize = 1024;
/// Most events, and most children, of a batch: their numbers have eight digits.
pub const TRACE_ROWS: u32 = 99_999_999;
/// Largest encoded row of a batch: 32 parents are 4 KiB; without them it is about 1 KiB.
pub const TRACE_BATCH_BYTES: usize = 8 * 1024;
/// Largest encoded row of an event or of a child.
pub const TRACE_EVENT_BYTES: usize = 1024;
