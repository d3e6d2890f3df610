//! What the Android libraries do in place of System V's calls: a segment is a memory file of its creator, who hands its
//! descriptor to whoever asks, over a socket. Here the creator is a process of its own, made by the first segment.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::OnceLock;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};
use nix::unistd::{ForkResult, fork, ftruncate};

/// What is asked of the creator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// A segment of so many bytes; the answer is its id.
    Create = 1,
    /// The descriptor of the segment with this id.
    Attach,
    /// The end of the segment with this id.
    Remove,
}

/// Makes a segment; returns its id.
///
/// # Errors
/// The socket's, or the creator's.
pub(crate) fn create(bytes: usize) -> io::Result<i32> {
    let mut stream = ask(Wish::Create, bytes as u64)?;
    let mut id = [0; 8];
    stream.read_exact(&mut id)?;
    Ok(u64::from_le_bytes(id) as i32)
}

/// The segment's descriptor.
///
/// # Errors
/// The socket's, or the creator's.
pub(crate) fn descriptor(id: i32) -> io::Result<OwnedFd> {
    let stream = ask(Wish::Attach, id as u64)?;
    let mut byte = [0; 1];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!(RawFd);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<UnixAddr>(stream.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = control
            && let [fd] = descriptors[..]
        {
            // SAFETY: the kernel made the descriptor for this process just now.
            return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Ends a segment.
///
/// # Errors
/// The socket's, or the creator's.
pub(crate) fn remove(id: i32) -> io::Result<()> {
    let mut stream = ask(Wish::Remove, id as u64)?;
    stream.read_exact(&mut [0; 8])
}

fn ask(wish: Wish, number: u64) -> io::Result<UnixStream> {
    static CREATOR: OnceLock<io::Result<SocketAddr>> = OnceLock::new();
    let address = CREATOR.get_or_init(start).as_ref();
    let address = address.map_err(|error| io::Error::from(error.kind()))?;
    let mut stream = UnixStream::connect_addr(address)?;
    let mut message = [0; 9];
    message[0] = wish as u8;
    message[1..].copy_from_slice(&number.to_le_bytes());
    stream.write_all(&message)?;
    Ok(stream)
}

/// Forks the creator.
fn start() -> io::Result<SocketAddr> {
    let name = format!("partage-bench-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name)?;
    let listener = UnixListener::bind_addr(&address)?;
    // SAFETY: this process has one thread.
    if let ForkResult::Child = unsafe { fork() }? {
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
        let mut segments: Vec<Option<OwnedFd>> = Vec::new();
        for stream in listener.incoming() {
            // Who asks for what is not there gets no answer.
            let _ = stream.and_then(|stream| answer(stream, &mut segments));
        }
        crate::child::exit_at_once(1);
    }
    Ok(address)
}

fn answer(mut stream: UnixStream, segments: &mut Vec<Option<OwnedFd>>) -> io::Result<()> {
    let mut message = [0; 9];
    stream.read_exact(&mut message)?;
    let [wish, number @ ..] = message;
    let number = u64::from_le_bytes(number);
    let place = usize::try_from(number).map_err(io::Error::other)?;
    if wish == Wish::Create as u8 {
        let file = memfd_create("segment", MFdFlags::MFD_CLOEXEC)?;
        ftruncate(&file, number as i64)?;
        let free = segments.iter().position(Option::is_none);
        let id = free.unwrap_or(segments.len());
        match segments.get_mut(id) {
            Some(segment) => *segment = Some(file),
            None => segments.push(Some(file)),
        }
        return stream.write_all(&(id as u64).to_le_bytes());
    }
    let segment = segments.get_mut(place).ok_or(io::ErrorKind::NotFound)?;
    if wish == Wish::Remove as u8 {
        *segment = None;
        return stream.write_all(&[0; 8]);
    }
    let file = segment.as_ref().ok_or(io::ErrorKind::NotFound)?;
    let descriptors = [file.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let parts = [IoSlice::new(&[0])];
    sendmsg::<UnixAddr>(stream.as_raw_fd(), &parts, &rights, MsgFlags::empty(), None)?;
    Ok(())
}
