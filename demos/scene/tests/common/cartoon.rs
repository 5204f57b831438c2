//! Small cartoon heads, written here.

use serde_json::{Value, json};

use super::glb;

/// A head under construction: a square face (+Z), 20 cm a side, whose targets each move one corner forwards, or as told.
pub(crate) struct Head {
    pub(crate) json: Value,
    pub(crate) binary: Vec<u8>,
}

impl Head {
    /// With targets of these names; target n moves corner n % 4 by `0.01 (n + 1)` along +Z.
    pub(crate) fn with_targets(names: &[&str]) -> Self {
        let json = json!({
            "asset": { "version": "2.0" }, "scene": 0, "scenes": [{ "nodes": [0] }],
            "nodes": [{ "name": "face", "mesh": 0 }],
            "meshes": [{ "primitives": [{ "attributes": {}, "mode": 4 }], "extras": { "targetNames": names } }],
            "accessors": [], "bufferViews": [], "buffers": [{ "byteLength": 0 }],
        });
        let mut head = Self { json, binary: Vec::new() };
        let corners = [[-0.1, -0.1, 0.0], [0.1, -0.1, 0.0], [0.1, 0.1, 0.0], [-0.1, 0.1, 0.0]];
        let positions = head.floats(&corners);
        let normals = head.floats(&[[0.0, 0.0, 1.0]; 4]);
        let view =
            head.view(&[0u16, 1, 2, 0, 2, 3].iter().flat_map(|i| i.to_le_bytes()).collect::<Vec<u8>>());
        let indices =
            head.accessor(json!({ "bufferView": view, "componentType": 5123, "count": 6, "type": "SCALAR" }));
        let targets: Vec<Value> = (0..names.len()).map(|n| {
            let moved = [0.0f32, 0.0, 0.01 * (n + 1) as f32];
            let at = head.view(&((n % 4) as u16).to_le_bytes());
            let with = head.view(&moved.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
            let accessor = head.accessor(json!({
                "componentType": 5126, "count": 4, "type": "VEC3",
                "sparse": { "count": 1, "indices": { "bufferView": at, "componentType": 5123 }, "values": { "bufferView": with } },
            }));
            json!({ "POSITION": accessor })
        }).collect();
        let primitive = &mut head.json["meshes"][0]["primitives"][0];
        primitive["attributes"] = json!({ "POSITION": positions, "NORMAL": normals });
        primitive["indices"] = indices.into();
        if !targets.is_empty() {
            primitive["targets"] = targets.into();
        }
        head
    }

    pub(crate) fn view(&mut self, bytes: &[u8]) -> usize {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let views = self.json["bufferViews"].as_array_mut().expect("views");
        views.push(json!({ "buffer": 0, "byteOffset": self.binary.len(), "byteLength": bytes.len() }));
        self.binary.extend(bytes);
        self.json["buffers"][0]["byteLength"] = self.binary.len().into();
        self.json["bufferViews"].as_array().expect("views").len() - 1
    }

    pub(crate) fn accessor(&mut self, accessor: Value) -> usize {
        let accessors = self.json["accessors"].as_array_mut().expect("accessors");
        accessors.push(accessor);
        accessors.len() - 1
    }

    pub(crate) fn floats(&mut self, rows: &[[f32; 3]]) -> usize {
        let view = self.view(&rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
        self.accessor(
            json!({ "bufferView": view, "componentType": 5126, "count": rows.len(), "type": "VEC3" }),
        )
    }

    /// Eyes that turn: a node each, 6 cm apart, with a small square of their own 1 cm before it.
    pub(crate) fn add_eyes(&mut self) {
        let before = [[-0.01, -0.01, 0.01], [0.01, -0.01, 0.01], [0.01, 0.01, 0.01], [-0.01, 0.01, 0.01]];
        let positions = self.floats(&before);
        let face = self.json["meshes"][0]["primitives"][0].clone();
        let mesh = json!({ "primitives": [{
            "attributes": { "POSITION": positions, "NORMAL": face["attributes"]["NORMAL"] }, "indices": face["indices"], "mode": 4,
        }] });
        self.json["meshes"].as_array_mut().expect("meshes").push(mesh);
        // It looks along +Z: its left is +X.
        for (name, x) in [("Eye.L", 0.03), ("Eye.R", -0.03)] {
            let nodes = self.json["nodes"].as_array_mut().expect("nodes");
            nodes.push(json!({ "name": name, "mesh": 1, "translation": [x, 0.02, 0.0] }));
            let number = nodes.len() - 1;
            self.json["scenes"][0]["nodes"].as_array_mut().expect("roots").push(number.into());
        }
    }

    pub(crate) fn glb(&self) -> Vec<u8> {
        glb(&self.json, &self.binary)
    }
}
