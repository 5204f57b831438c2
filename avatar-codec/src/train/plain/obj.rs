//! Topology and texture coordinates from a Wavefront `.obj` file.

use std::path::Path;

use super::super::capture::{CaptureError, read};

/// A mesh without its positions, which come from the `.bin` of each frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Topology {
    /// How many vertices there are.
    pub(super) vertices: usize,
    /// Into the vertices.
    pub(super) triangles: Vec<[u32; 3]>,
    /// Into `uv`, for the corners of each triangle.
    pub(super) corner_uv: Vec<[u32; 3]>,
    /// `v` = 0 is the top row of the maps, unlike in the file.
    pub(super) uv: Vec<[f32; 2]>,
}

/// Vertices beyond this are more than a tracked mesh has.
const MOST_VERTICES: usize = 1 << 20;
/// How far outside 0..=1 a coordinate may lie, for rounding's sake.
const UV_MARGIN: f32 = 1e-3;

impl Topology {
    /// Reads `v`, `vt` and `f` lines; polygons become fans, triangles without three different vertices are left out.
    pub(super) fn read(path: &Path) -> Result<Self, CaptureError> {
        let text = String::from_utf8(read(path)?).map_err(|e| CaptureError::invalid(path, "text", e))?;
        Self::parse(path, &text)
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, CaptureError> {
        let mut out = Self { vertices: 0, triangles: Vec::new(), corner_uv: Vec::new(), uv: Vec::new() };
        for (number, line) in text.lines().enumerate() {
            let invalid = |reason: &str| {
                CaptureError::invalid(
                    path,
                    format!("line {}", number + 1),
                    format!("{reason}: {:?}", shorten(line)),
                )
            };
            let mut words = line.split_whitespace();
            match words.next() {
                Some("v") => {
                    out.vertices += 1;
                    if out.vertices > MOST_VERTICES {
                        return Err(invalid("more vertices than a tracked mesh has (1,048,576)"));
                    }
                }
                Some("vt") => {
                    let mut number = || words.next().and_then(|w| w.parse::<f32>().ok());
                    let (Some(u), Some(v)) = (number(), number()) else {
                        return Err(invalid("needs two numbers"));
                    };
                    let inside = |x: f32| (-UV_MARGIN..=1.0 + UV_MARGIN).contains(&x);
                    if !inside(u) || !inside(v) {
                        return Err(invalid("must lie in 0..=1: one atlas for the whole mesh, not repeated"));
                    }
                    out.uv.push([u.clamp(0.0, 1.0), (1.0 - v).clamp(0.0, 1.0)]);
                }
                Some("f") => {
                    let corners: Option<Vec<(u32, u32)>> =
                        words.map(|word| corner(word, out.vertices, out.uv.len())).collect();
                    let Some(corners) = corners.filter(|c| c.len() >= 3) else {
                        return Err(invalid(
                            "needs three or more corners as vertex/texture, each naming a line above it",
                        ));
                    };
                    for i in 1..corners.len() - 1 {
                        let fan = [corners[0], corners[i], corners[i + 1]];
                        let [a, b, c] = fan.map(|corner| corner.0);
                        if a != b && b != c && c != a {
                            out.triangles.push([a, b, c]);
                            out.corner_uv.push(fan.map(|corner| corner.1));
                        }
                    }
                }
                _ => {}
            }
        }
        if out.triangles.is_empty() {
            return Err(CaptureError::invalid(path, "faces", "has no f line with a triangle in it"));
        }
        Ok(out)
    }
}

/// `12/34` or `12/34/56`: counted from 1, or back from the last if negative.
fn corner(word: &str, vertices: usize, uvs: usize) -> Option<(u32, u32)> {
    let mut parts = word.split('/');
    let mut index = |count: usize| {
        let number: i64 = parts.next()?.parse().ok()?;
        let from_zero = if number < 0 { number.checked_add(count as i64)? } else { number - 1 };
        u32::try_from(from_zero).ok().filter(|&i| (i as usize) < count)
    };
    Some((index(vertices)?, index(uvs)?))
}

fn shorten(line: &str) -> String {
    line.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUAD: &str = "# a quad\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n";

    fn parse(text: &str) -> Result<Topology, String> {
        Topology::parse(Path::new("a.obj"), text).map_err(|e| e.to_string())
    }

    #[test]
    fn polygons_become_fans_and_rows_count_from_the_top() {
        let found = parse(&format!("{QUAD}f 1/1/9 2/2/9 3/3/9 -1/-1\nf 1/1 1/1 2/2\n")).unwrap();
        assert_eq!(found.vertices, 4);
        assert_eq!(found.triangles, [[0, 1, 2], [0, 2, 3]]);
        assert_eq!(found.corner_uv, found.triangles);
        assert_eq!(found.uv, [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (bad, word) in [
            ("f 1/1 2/2 5/3", "line 10"),
            ("f 1/1 2/2 3/9", "corners"),
            ("f 1/1 2/2", "three"),
            ("f 1 2 3", "vertex/texture"),
            ("f 1/1 2/2 0/1", "corners"),
            ("f 1/1 2/2 -9223372036854775808/1", "corners"),
            ("vt 7 0.5", "0..=1"),
            ("vt nan 0", "0..=1"),
            ("vt 0.5", "two numbers"),
            ("", "no f line"),
        ] {
            let message = parse(&format!("{QUAD}{bad}\n")).unwrap_err();
            assert!(message.contains(word) && message.contains("a.obj"), "{bad}: {message}");
        }
    }
}
