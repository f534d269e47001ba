//! The spool: every frame of one execution, in the order of arrival, on disk before k6 hears “received”.
//!
//! A file of records, append-only. One record: `length u32 | checksum u64 | body`, all little-endian, where `length` counts the body,
//! `checksum` is the first eight bytes of the body's SHA-256, and the body is `received_us i64 | key_length u16 | key | payload`.
//! A process that dies while it appends leaves a torn last record; it was never acknowledged, so reopening cuts it off and k6 (or nobody)
//! sends it again. Reading stops at the first record that is not whole.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use sha2::{Digest as _, Sha256};
use windfirm_measure::frame::Frame;

/// Bytes before the body: length and checksum.
const HEAD: u64 = 12;
/// No record is longer; anything that says so is torn or foreign.
const MAX_BODY: u32 = 16 << 20;

/// The writing side. One per execution, held by the runner.
#[derive(Debug)]
pub struct Spool {
    file: File,
    bytes: u64,
    keys: HashSet<String>,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    Stored,
    /// The key is there already: k6 did not hear our answer and sent it again.
    Repeated,
}

impl Spool {
    /// Opens or makes the spool, and cuts off a torn end.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut keys = HashSet::new();
        let mut reader = Reader::open(path, 0)?;
        while let Some(frame) = reader.next_frame()? {
            keys.insert(frame.key);
        }
        let bytes = reader.position();
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        file.set_len(bytes)?;
        file.sync_all()?;
        Ok(Self { file, bytes, keys })
    }
    /// Frames in it.
    #[must_use]
    pub fn frames(&self) -> u64 {
        u64::try_from(self.keys.len()).unwrap_or(u64::MAX)
    }
    /// Its size.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
    /// Whether a frame of this key is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }
    /// Forgets the frames and keeps their keys: what was delivered is still not taken twice.
    pub fn empty(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.bytes = 0;
        self.file.sync_data()
    }
    /// Appends a frame and returns when the disk has it.
    pub fn append(&mut self, frame: &Frame) -> io::Result<Appended> {
        if self.has(&frame.key) {
            return Ok(Appended::Repeated);
        }
        let record = encode(frame)?;
        self.file.seek(SeekFrom::Start(self.bytes))?;
        self.file.write_all(&record)?;
        self.file.sync_data()?;
        self.bytes += u64::try_from(record.len()).unwrap_or_default();
        self.keys.insert(frame.key.clone());
        Ok(Appended::Stored)
    }
}

/// The reading side: any number of them, also while the spool grows.
#[derive(Debug)]
pub struct Reader {
    file: Option<BufReader<File>>,
    position: u64,
}

impl Reader {
    /// Opens the spool at a position that [`Reader::position`] gave before; 0 is the start. A missing spool is an empty one.
    pub fn open(path: &Path, position: u64) -> io::Result<Self> {
        match File::open(path) {
            Ok(file) => {
                let mut file = BufReader::new(file);
                file.seek(SeekFrom::Start(position))?;
                Ok(Self { file: Some(file), position })
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(Self { file: None, position: 0 }),
            Err(other) => Err(other),
        }
    }
    /// Where the next record starts.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }
    /// The next whole frame; `None` at the end, or before a record that is not whole (yet).
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let Some(body) = read_record(file)? else {
            // Half a record may have been read: stand at its start again, it may be whole next time.
            file.seek(SeekFrom::Start(self.position))?;
            return Ok(None);
        };
        self.position += HEAD + u64::try_from(body.len()).unwrap_or_default();
        Ok(decode(&body))
    }
}

fn read_record(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0_u8; 4];
    let mut sum = [0_u8; 8];
    if !fill(file, &mut length)? || !fill(file, &mut sum)? {
        return Ok(None);
    }
    let length = u32::from_le_bytes(length);
    if length > MAX_BODY {
        return Ok(None);
    }
    let mut body = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut body)?;
    let whole = u32::try_from(body.len()).is_ok_and(|read| read == length) && checksum(&body) == sum && decode(&body).is_some();
    Ok(whole.then_some(body))
}

/// Like `read_exact`, but the end of the file is an answer, not an error.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(other) => Err(other),
    }
}

fn encode(frame: &Frame) -> io::Result<Vec<u8>> {
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "a frame is too long for the spool");
    let key_length = u16::try_from(frame.key.len()).map_err(|_| too_long())?;
    let mut body = Vec::with_capacity(frame.payload.len() + frame.key.len() + 10);
    body.extend_from_slice(&frame.received_us.to_le_bytes());
    body.extend_from_slice(&key_length.to_le_bytes());
    body.extend_from_slice(frame.key.as_bytes());
    body.extend_from_slice(&frame.payload);
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= MAX_BODY).ok_or_else(too_long)?;
    let mut record = Vec::with_capacity(body.len() + 12);
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&checksum(&body));
    record.extend_from_slice(&body);
    Ok(record)
}

fn decode(body: &[u8]) -> Option<Frame> {
    let (received, rest) = body.split_first_chunk::<8>()?;
    let (key_length, rest) = rest.split_first_chunk::<2>()?;
    let (key, payload) = rest.split_at_checked(usize::from(u16::from_le_bytes(*key_length)))?;
    Some(Frame { key: String::from_utf8(key.to_vec()).ok()?, received_us: i64::from_le_bytes(*received), payload: payload.to_vec() })
}

fn checksum(body: &[u8]) -> [u8; 8] {
    let digest = Sha256::digest(body);
    digest.first_chunk::<8>().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(key: &str) -> Frame {
        Frame { key: key.into(), received_us: 1_700_000_000_000_000, payload: key.repeat(50).into_bytes() }
    }

    fn keys(path: &Path) -> Vec<String> {
        let mut reader = Reader::open(path, 0).unwrap();
        let mut keys = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            keys.push(frame.key);
        }
        keys
    }

    #[test]
    fn frames_come_back_in_order_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.spool");
        let mut spool = Spool::open(&path).unwrap();
        assert_eq!(spool.append(&frame("a")).unwrap(), Appended::Stored);
        assert_eq!(spool.append(&frame("b")).unwrap(), Appended::Stored);
        assert_eq!(spool.append(&frame("a")).unwrap(), Appended::Repeated);
        drop(spool);
        let mut again = Spool::open(&path).unwrap();
        assert_eq!(again.append(&frame("b")).unwrap(), Appended::Repeated, "a restart forgets no key");
        again.append(&frame("c")).unwrap();
        assert_eq!(keys(&path), ["a", "b", "c"]);
        let mut reader = Reader::open(&path, 0).unwrap();
        assert_eq!(reader.next_frame().unwrap(), Some(frame("a")));
        let mut later = Reader::open(&path, reader.position()).unwrap();
        assert_eq!(later.next_frame().unwrap(), Some(frame("b")));
    }

    #[test]
    fn an_emptied_spool_goes_on_from_its_start_and_knows_what_it_had() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.spool");
        let mut spool = Spool::open(&path).unwrap();
        spool.append(&frame("a")).unwrap();
        spool.empty().unwrap();
        assert_eq!(spool.append(&frame("a")).unwrap(), Appended::Repeated);
        spool.append(&frame("b")).unwrap();
        assert_eq!((keys(&path), spool.frames()), (vec!["b".to_owned()], 2));
    }

    #[test]
    fn a_torn_end_is_cut_at_every_length_and_appending_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.spool");
        let mut spool = Spool::open(&path).unwrap();
        spool.append(&frame("a")).unwrap();
        let whole = spool.bytes();
        spool.append(&frame("b")).unwrap();
        let all = std::fs::read(&path).unwrap();
        for cut in usize::try_from(whole).unwrap()..all.len() {
            std::fs::write(&path, &all[..cut]).unwrap();
            let mut spool = Spool::open(&path).unwrap();
            assert_eq!((spool.frames(), spool.bytes()), (1, whole), "cut at {cut}");
            spool.append(&frame("c")).unwrap();
            assert_eq!(keys(&path), ["a", "c"], "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_reading_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.spool");
        let mut spool = Spool::open(&path).unwrap();
        spool.append(&frame("a")).unwrap();
        let second = usize::try_from(spool.bytes()).unwrap();
        spool.append(&frame("b")).unwrap();
        let mut all = std::fs::read(&path).unwrap();
        all[second + 30] ^= 1;
        std::fs::write(&path, &all).unwrap();
        assert_eq!(keys(&path), ["a"]);
    }

    #[test]
    fn a_reader_sees_what_is_appended_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.spool");
        let mut spool = Spool::open(&path).unwrap();
        let mut reader = Reader::open(&path, 0).unwrap();
        assert_eq!(reader.next_frame().unwrap(), None);
        spool.append(&frame("a")).unwrap();
        assert_eq!(reader.next_frame().unwrap(), Some(frame("a")));
    }
}
