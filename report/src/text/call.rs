//! A call in C's own words: arguments and result.

use partage_trace_format::Call;
use partage_trace_format::structs::ShmidDs;

use crate::event::{Detail, Event};
use crate::flags;
use crate::words::{errno, quoted};

/// A call's arguments and its result, each as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) arguments: Vec<String>,
    pub(crate) result: String,
}

/// Puts a call into words.
pub(crate) fn words(event: &Event) -> Words {
    Words {
        arguments: arguments(event),
        result: result(event),
    }
}

fn result(event: &Event) -> String {
    if event.entered() {
        return "?".to_owned();
    }
    if event.failed() {
        return match event.call {
            Ok(Call::PosixSpawn | Call::Fallocate) if event.result > 0 => errno(event.errno),
            _ => format!("-1 {}", errno(event.errno)),
        };
    }
    match event.call {
        Ok(Call::Shmat | Call::Mmap | Call::Mremap | Call::SemOpen) => pointer(event.result as u64),
        _ => event.result.to_string(),
    }
}

fn pointer(address: u64) -> String {
    match address {
        0 => "NULL".to_owned(),
        address => format!("{address:#x}"),
    }
}

/// The arguments at these places, all of them numbers.
fn plain(event: &Event, count: usize) -> Vec<String> {
    (0..count)
        .map(|index| (event.arg(index) as i64).to_string())
        .collect()
}

fn arguments(event: &Event) -> Vec<String> {
    let name = || match &event.name {
        Some(name) => quoted(name),
        None => "?".to_owned(),
    };
    let number = |index| (event.arg(index) as i64).to_string();
    let int = |index| event.int(index);
    let at = |index| pointer(event.arg(index));
    let Ok(call) = event.call else {
        return plain(event, 6);
    };
    match call {
        Call::Shmget => vec![flags::key(int(0)), number(1), flags::shmget(int(2))],
        Call::Shmat => vec![number(0), at(1), flags::shmat(int(2))],
        Call::Shmdt => vec![at(0)],
        Call::Shmctl => vec![number(0), flags::shmctl(int(1)), structure(event)],
        Call::ShmOpen => vec![name(), flags::open(int(1)), flags::mode(event.arg(2))],
        Call::ShmUnlink | Call::Unlink | Call::SemUnlink => vec![name()],
        Call::SemClose => vec![at(0)],
        Call::SemOpen => {
            let mut words = opened(name(), int(1), event.arg(2));
            if words.len() > 2 {
                words.push(event.arg(3).to_string());
            }
            words
        }
        Call::Mmap => vec![
            at(0),
            number(1),
            flags::protection(int(2)),
            flags::mmap(int(3)),
            int(4).to_string(),
            format!("{:#x}", event.arg(5)),
        ],
        Call::Munmap => vec![at(0), number(1)],
        Call::Mremap => mremap(event),
        Call::Mprotect => vec![at(0), number(1), flags::protection(int(2))],
        Call::Ftruncate | Call::Dup | Call::Close | Call::Dup2 => plain(
            event,
            if matches!(call, Call::Ftruncate | Call::Dup2) {
                2
            } else {
                1
            },
        ),
        Call::Dup3 => vec![number(0), number(1), cloexec(int(2))],
        Call::Fcntl => {
            let (command, argument) = flags::fcntl_words(int(1), event.arg(2));
            vec![number(0), command, argument]
        }
        Call::Fclose => vec![format!("{} /* fd {} */", at(0), int(1))],
        Call::CloseRange => vec![
            number(0),
            range_end(event.arg(1)),
            flags::close_range(int(2)),
        ],
        Call::Closefrom | Call::Exit | Call::UnderscoreExit => plain(event, 1),
        Call::Exec => vec![name()],
        Call::PosixSpawn => vec![format!("[{}]", int(3)), name()],
        Call::Open => opened(name(), int(1), event.arg(2)),
        Call::Openat => {
            let mut words = vec![flags::directory(int(0))];
            words.extend(opened(name(), int(2), event.arg(3)));
            words
        }
        Call::MemfdCreate => vec![name(), flags::memfd(int(1))],
        Call::Rename | Call::Link => renamed(event, name()),
        Call::Unlinkat => vec![flags::directory(int(0)), name(), number(2)],
        Call::Fallocate => vec![number(0), flags::fallocate(int(1)), number(2), number(3)],
        _ => Vec::new(),
    }
}

fn mremap(event: &Event) -> Vec<String> {
    const MREMAP_FIXED: i32 = 2;
    let mut words = vec![pointer(event.arg(0))];
    words.extend([1, 2].map(|index| event.arg(index).to_string()));
    words.push(flags::mremap(event.int(3)));
    if event.int(3) & MREMAP_FIXED != 0 {
        words.push(pointer(event.arg(4)));
    }
    words
}

/// Two paths, and the flags of renameat2.
fn renamed(event: &Event, old: String) -> Vec<String> {
    let new = event
        .second_name
        .as_deref()
        .map_or_else(|| "?".to_owned(), quoted);
    let mut words = vec![old, new];
    if event.int(2) != 0 {
        words.push(flags::rename(event.int(2)));
    }
    words
}

/// Flags of dup3, which knows one.
fn cloexec(value: i32) -> String {
    match value {
        0 => "0".to_owned(),
        0o2000000 => "O_CLOEXEC".to_owned(),
        other => format!("{other:#x}"),
    }
}

fn range_end(last: u64) -> String {
    match u32::try_from(last) {
        Ok(u32::MAX) | Err(_) => "~0U".to_owned(),
        Ok(last) => last.to_string(),
    }
}

fn opened(name: String, oflag: i32, mode: u64) -> Vec<String> {
    const O_CREAT: i32 = 0o100;
    let mut words = vec![name, flags::open(oflag)];
    if oflag & O_CREAT != 0 {
        words.push(flags::mode(mode));
    }
    words
}

/// The third argument of shmctl: what it held, or where it was.
fn structure(event: &Event) -> String {
    match &event.detail {
        Some(Detail::ShmidDs(data)) => shmid_ds(data),
        Some(Detail::Limits(data)) => format!(
            "{{shmmax={}, shmmin={}, shmmni={}, shmseg={}, shmall={}}}",
            data.shmmax, data.shmmin, data.shmmni, data.shmseg, data.shmall
        ),
        Some(Detail::Usage(data)) => format!(
            "{{used_ids={}, shm_tot={}, shm_rss={}, shm_swp={}}}",
            data.used_ids, data.shm_tot, data.shm_rss, data.shm_swp
        ),
        None => pointer(event.arg(2)),
    }
}

fn shmid_ds(data: &ShmidDs) -> String {
    format!(
        "{{shm_perm={{key={}, uid={}, gid={}, cuid={}, cgid={}, mode={}}}, shm_segsz={}, \
         shm_cpid={}, shm_lpid={}, shm_nattch={}, shm_atime={}, shm_dtime={}, shm_ctime={}}}",
        flags::key(data.key as i32),
        data.uid,
        data.gid,
        data.cuid,
        data.cgid,
        flags::segment_mode(data.mode),
        data.segsz,
        data.cpid,
        data.lpid,
        data.nattch,
        data.atime,
        data.dtime,
        data.ctime
    )
}
