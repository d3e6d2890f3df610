//! Whose objects these probably are, by the names that known programs give.

use crate::model::Object;
use nix::unistd::Group;

/// A program's pattern for names: `#` is a run of digits, `%` one of hexadecimal digits, `*`
/// anything at all.
type Pattern = (&'static [u8], &'static str);

/// A semaphore of sem_open(3) that nothing more is known of.
pub(crate) const SEMAPHORE: &str = "named semaphore";

const PATTERNS: &[Pattern] = &[
    (b"fastrtps_*_el", "Fast-DDS lock"),
    (b"fastdds_*_el", "Fast-DDS lock"),
    (b"fastrtps_port#*", "Fast-DDS port"),
    (b"fastdds_port#*", "Fast-DDS port"),
    (b"sem.fastrtps_port#*", "Fast-DDS port semaphore"),
    (b"sem.fastdds_port#*", "Fast-DDS port semaphore"),
    (b"fast_datasharing_*", "Fast-DDS data sharing"),
    (b"fastrtps_*", "Fast-DDS segment"),
    (b"fastdds_*", "Fast-DDS segment"),
    (b"iox2_*", "iceoryx2"),
    (b"iox_*", "iceoryx"),
    (b"iox1_*", "iceoryx"),
    (b"iceoryx_mgmt", "iceoryx"),
    (b"roudi*", "iceoryx"),
    (b"PostgreSQL.#", "PostgreSQL"),
    (b"psm_%", "Python SharedMemory"),
    (b"wnsm_%", "Python SharedMemory"),
    (b"sem.mp-*", "Python multiprocessing semaphore"),
    (b"pym-#-*", "Python multiprocessing heap"),
    (b"torch_#_*", "PyTorch"),
    (b".org.chromium.Chromium.*", "Chromium"),
    (b".com.google.Chrome.*", "Chrome"),
    (b"org.mozilla.ipc.#.#", "Firefox"),
    (b"org.chromium.*", "Chromium"),
    (b"pulse-shm-#", "PulseAudio"),
    (b"vader_segment.*", "Open MPI"),
    (b"sm_segment.*", "Open MPI"),
    (b"osc_sm.*", "Open MPI"),
    (b"osc_rdma.*", "Open MPI"),
    (b"open_mpi.#", "Open MPI"),
    (b"ompi.*", "Open MPI"),
    (b"mpich_shar_tmp*", "MPICH"),
    (b"mpich_shm_%_#", "MPICH"),
    (b"ucx_shm_posix_%", "UCX"),
    (b"nccl-*", "NCCL"),
    (b"cuda.shm.*", "CUDA"),
    (b"sem.*", SEMAPHORE),
    (b"lttng-ust-*", "LTTng"),
];

/// What an object of this name probably is.
pub(super) fn kind_of(name: &[u8]) -> Option<&'static str> {
    let found = PATTERNS.iter().find(|(pattern, _)| fits(pattern, name));
    found.map(|(_, kind)| *kind)
}

/// iceoryx names the memory of its messages by the group that may write them. Beside its own
/// object, and of the same user, such a name says enough.
pub(super) fn name_messages(objects: &mut [Object]) {
    let mut all = objects.iter();
    let Some(its) = all.find(|object| object.name.bytes() == b"/iceoryx_mgmt") else {
        return;
    };
    let owner = its.owner.uid;
    for object in objects {
        let is_open_question = object.kind.is_none() && object.owner.uid == owner;
        if is_open_question && is_group(&object.name.bytes()[1..]) {
            object.kind = Some("iceoryx messages");
        }
    }
}

fn is_group(name: &[u8]) -> bool {
    let name = std::str::from_utf8(name).ok();
    name.is_some_and(|name| matches!(Group::from_name(name), Ok(Some(_))))
}

fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let run = |of: fn(&u8) -> bool| name.iter().take_while(|byte| of(byte)).count();
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skip| fits(rest, &name[skip..])),
        Some((b'#', rest)) => {
            let digits = run(u8::is_ascii_digit);
            digits > 0 && fits(rest, &name[digits..])
        }
        Some((b'%', rest)) => {
            let digits = run(u8::is_ascii_hexdigit);
            digits > 0 && fits(rest, &name[digits..])
        }
        Some((first, rest)) => name.first() == Some(first) && fits(rest, &name[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_known_programs() {
        for (name, kind) in [
            ("fastrtps_6b1f8b1c8a2f1a3d", Some("Fast-DDS segment")),
            ("fastrtps_6b1f8b1c8a2f1a3d_el", Some("Fast-DDS lock")),
            ("fastrtps_port7412", Some("Fast-DDS port")),
            (
                "sem.fastrtps_port7412_mutex",
                Some("Fast-DDS port semaphore"),
            ),
            (
                "fast_datasharing_01.0f.86.eb.2d.f5.90.e7.01.00.00.00_0.0.1",
                Some("Fast-DDS data sharing"),
            ),
            ("iox2_87fb7d2c.service", Some("iceoryx2")),
            ("iceoryx_mgmt", Some("iceoryx")),
            ("PostgreSQL.1804289383", Some("PostgreSQL")),
            ("psm_4f2a91bc", Some("Python SharedMemory")),
            ("sem.mp-x1b2c3d4", Some("Python multiprocessing semaphore")),
            (".org.chromium.Chromium.aB3xYz", Some("Chromium")),
            ("mpich_shar_tmp8NK9n2", Some("MPICH")),
            ("mpich_shm_85a40b5c_0", Some("MPICH")),
            ("ucx_shm_posix_7ac9db9", Some("UCX")),
            ("sm_segment.vm.0.bb390001.1", Some("Open MPI")),
            ("open_mpi.0001", Some("Open MPI")),
            ("osc_sm.vm.f0e30001.0.4", Some("Open MPI")),
            ("sem.mine", Some(SEMAPHORE)),
            ("PostgreSQL.x", None),
            ("psm_", None),
            ("mine", None),
        ] {
            assert_eq!(kind_of(name.as_bytes()), kind, "{name}");
        }
    }
}
