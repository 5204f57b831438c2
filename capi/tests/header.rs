//! `include/visavis.h` is what the crate's source says.
//!
//! `VISAVIS_UPDATE_HEADER=1 cargo test -p visavis-capi --test header` writes it anew: look at the difference before
//! committing, and raise `VISAVIS_ABI_VERSION` if old programs notice it.

use std::path::Path;

/// In the order in which a reader of the header wants them.
const SOURCES: [&str; 7] = ["status", "engine", "avatar", "instance", "light", "draw", "read"];

#[test]
fn the_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let builder = cbindgen::Builder::new().with_config(config);
    let builder = SOURCES
        .iter()
        .fold(builder, |builder, name| builder.with_src(root.join("src").join(name).with_extension("rs")));
    let mut made = Vec::new();
    builder.generate().expect("the source is readable").write(&mut made);
    let made = for_c(&String::from_utf8(made).expect("UTF-8"));

    let path = root.join("include/visavis.h");
    if std::env::var_os("VISAVIS_UPDATE_HEADER").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(made.lines()).position(|(found, made)| found != made);
    assert!(
        found == made,
        "capi/include/visavis.h is not what capi/src says, from line {} on; write it with\n  \
         VISAVIS_UPDATE_HEADER=1 cargo test -p visavis-capi --test header",
        differs.map_or(found.lines().count().min(made.lines().count()), |line| line) + 1
    );
}

/// What a C programmer reads: without headings and links of Rust's documentation.
fn for_c(header: &str) -> String {
    let lines: Vec<&str> = header.lines().collect();
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        let words = line.trim_start().trim_start_matches("//").trim();
        let is_safety = words == "# Safety";
        let leads_to_safety = line.trim() == "//"
            && lines.get(number + 1).is_some_and(|next| next.trim_start_matches("//").trim() == "# Safety");
        if leads_to_safety {
            continue;
        }
        let line = if is_safety { line.replace("# Safety", "Pointers:") } else { (*line).to_owned() };
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
