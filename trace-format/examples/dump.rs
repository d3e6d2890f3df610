//! Prints trace files, one record a line, nothing interpreted: for looking at the format itself.

use partage_trace_format::Trace;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args_os().skip(1) {
        let bytes = std::fs::read(&path)?;
        let trace = Trace::parse(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        let header = trace.header();
        println!(
            "{} exe {}",
            path.display(),
            String::from_utf8_lossy(header.exe)
        );
        println!("  {header:?}");
        let mut records = trace.records();
        for record in records.by_ref() {
            let name = record.call.map_or("?", |call| call.name());
            let text = record
                .name()
                .map(|name| String::from_utf8_lossy(name).into_owned());
            let callers: Vec<u64> = record.callers().collect();
            println!(
                "  {} {:.9} +{} {}/{} {name} {:x?} = {} errno {} flags {} {} callers {callers:x?}",
                record.ticket,
                trace.clock().monotonic_ns(record.time) as f64 / 1e9,
                trace.clock().duration_ns(record.duration),
                record.pid,
                record.tid,
                record.args,
                record.result,
                record.errno,
                record.flags,
                text.unwrap_or_default(),
            );
        }
        println!("  {:?}", records.damage());
    }
    Ok(())
}
