//! What the tests in `tests/tests` share: building the artefacts once, running a program with a
//! bound on its time, a `/dev/shm` and an IPC namespace of its own, and the C suite's runner.

pub mod artefacts;
pub mod bionic;
pub mod cross;
pub mod first_process;
pub mod instrument;
pub mod mode;
pub mod pair;
pub mod postgresql;
pub mod process;
pub mod proot;
pub mod random;
pub mod sandbox;
pub mod shown;
pub mod suite;
