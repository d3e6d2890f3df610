//! Whose objects these probably are, by the names that known programs give.

/// A program's pattern for names: `#` is a run of digits, `%` one of hexadecimal digits, `*`
/// anything at all.
type Pattern = (&'static [u8], &'static str);

const PATTERNS: &[Pattern] = &[
    (b"fastrtps_*_el", "Fast-DDS lock"),
    (b"fastdds_*_el", "Fast-DDS lock"),
    (b"fastrtps_port#*", "Fast-DDS port"),
    (b"fastdds_port#*", "Fast-DDS port"),
    (b"sem.fastrtps_port#*", "Fast-DDS port semaphore"),
    (b"sem.fastdds_port#*", "Fast-DDS port semaphore"),
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
    (b"ompi.*", "Open MPI"),
    (b"mpich_shar_tmp*", "MPICH"),
    (b"nccl-*", "NCCL"),
    (b"cuda.shm.*", "CUDA"),
    (b"sem.*", "named semaphore"),
    (b"lttng-ust-*", "LTTng"),
];

/// What an object of this name probably is.
pub(super) fn kind_of(name: &[u8]) -> Option<&'static str> {
    let found = PATTERNS.iter().find(|(pattern, _)| fits(pattern, name));
    found.map(|(_, kind)| *kind)
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
            ("iox2_87fb7d2c.service", Some("iceoryx2")),
            ("iceoryx_mgmt", Some("iceoryx")),
            ("PostgreSQL.1804289383", Some("PostgreSQL")),
            ("psm_4f2a91bc", Some("Python SharedMemory")),
            ("sem.mp-x1b2c3d4", Some("Python multiprocessing semaphore")),
            (".org.chromium.Chromium.aB3xYz", Some("Chromium")),
            ("PostgreSQL.x", None),
            ("psm_", None),
            ("mine", None),
        ] {
            assert_eq!(kind_of(name.as_bytes()), kind, "{name}");
        }
    }
}
