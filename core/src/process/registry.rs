//! The registry of this process's namespace. Tested by every test.

use crate::registry::Registry;

/// Opened by the first call, and then for as long as the process lives.
pub(super) static REGISTRY: Registry = Registry::closed();
