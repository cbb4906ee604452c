//! Child processes for hostile input: the same program, started with a subcommand, that limits itself before it reads
//! a byte.
//!
//! A child has no environment, so no credentials, and at most the memory, CPU time and files it allowed itself. Its
//! parent kills it at a deadline, and it ends when its parent dies. Both sides are in this crate; what is read and
//! returned is that of its users ([`reading`](../reading/index.html), [`sql_engine`](../sql_engine/index.html)).

mod child;
mod limits;
mod parent;

pub use child::{MISUSED, exit_with_parent, run_if_child};
pub use limits::{ResourceLimits, apply, cpu_used, extend_cpu};
pub use parent::{CPU_LIMIT, FILE_SIZE_LIMIT, KILLED, OUT_OF_MEMORY, command, kill, signal, tail, this_program};
