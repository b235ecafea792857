//! What a plugin sees: computed from the tree, and read from a real view. Both in the tree's order, so that they
//! can be compared, and so that a real cell's number is known for each cell of the tree.

use weir_otlp::{View, field, kind, level};

use super::interests::{Allows, is_read};
use super::model::{Entity, Id, Leaf, Model, Name, Value, What};

/// One cell: of the tree with its id, of the view with its number.
#[derive(Clone, Debug)]
pub struct Cell {
    pub id: u32,
    pub name: Name,
    /// The number of the field, where the contract fixes it.
    pub number: Option<u32>,
    pub depth: u8,
    pub kind: u8,
    /// The bytes of the value; of a container how many cells are inside.
    pub value: Vec<u8>,
}

#[derive(Clone, Debug)]
pub struct Shown {
    pub id: u32,
    pub level: u8,
    pub cells: Vec<Cell>,
    pub children: Vec<Shown>,
}

/// What the tree says that the plugin sees.
pub fn expected(model: &Model, allows: &Allows) -> Vec<Shown> {
    model.groups.iter().filter_map(|entity| shown(entity, allows)).collect()
}

fn shown(entity: &Entity, allows: &Allows) -> Option<Shown> {
    let mut cells = Vec::new();
    for field in &entity.fields {
        put(&field.leaf, field.name.clone(), 0, allows.kinds(entity.what, &field.name), allows, &mut cells);
    }
    let children: Vec<Shown> = entity.children.iter().filter_map(|child| shown(child, allows)).collect();
    let is_shown = !cells.is_empty() || !children.is_empty() || allows.shows_always(entity.what);
    is_shown.then(|| Shown { id: entity.id.0, level: entity.what.level(), cells, children })
}

fn put(leaf: &Leaf, name: Name, depth: u8, kinds: u32, allows: &Allows, cells: &mut Vec<Cell>) {
    if !is_read(kinds, leaf) {
        return;
    }
    let number = match &name {
        Name::Code(code) => Some(*code),
        Name::Element => Some(field::ELEMENT),
        Name::Key(key) => allows.number(key),
    };
    let place = cells.len();
    let value = bytes_of(&leaf.value);
    cells.push(Cell { id: leaf.id.0, name, number, depth, kind: leaf.value.kind(), value });
    match &leaf.value {
        Value::Array(inner) => {
            for leaf in inner {
                put(leaf, Name::Element, depth + 1, kinds, allows, cells);
            }
        }
        Value::Map(inner) => {
            for (key, leaf) in inner {
                put(leaf, Name::Key(key.clone()), depth + 1, kinds, allows, cells);
            }
        }
        _ => return,
    }
    let inside = (cells.len() - place - 1) as u32;
    cells[place].value = inside.to_le_bytes().to_vec();
}

pub fn bytes_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Str(text) => text.as_bytes().to_vec(),
        Value::Bool(on) => vec![u8::from(*on)],
        Value::Int(bits) | Value::Double(bits) => bits.to_le_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.clone(),
        Value::Uints(list) | Value::Doubles(list) => {
            list.iter().flat_map(|bits| bits.to_le_bytes()).collect()
        }
        Value::Array(_) | Value::Map(_) | Value::Empty | Value::Opaque => Vec::new(),
    }
}

/// A view, read as the contract says.
pub struct Seen {
    pub groups: Vec<Shown>,
    pub names: Vec<String>,
}

pub fn read(view: &View, selectors: &[weir_otlp::Selector]) -> Seen {
    let (index, bytes) = (view.index(), view.bytes());
    let [header, entities, cells, names] = [0, 1, 2, 3].map(|at| index[at] as usize);
    let cells_at = header + 3 * entities;
    let names_at = cells_at + 3 * cells;
    assert_eq!(index.len(), names_at + names, "the index holds what its header says");
    let mut from = 0;
    let mut value = |end: u32| {
        let value = &bytes[from..end as usize];
        assert_eq!(bytes[end as usize], 0, "a zero byte stands behind each value");
        from = end as usize + 1;
        value
    };
    let values: Vec<&[u8]> = (0..cells).map(|cell| value(index[cells_at + 3 * cell + 2])).collect();
    let names: Vec<String> =
        (0..names).map(|name| String::from_utf8(value(index[names_at + name]).to_vec()).unwrap()).collect();
    assert_eq!(from, bytes.len(), "nothing stands behind the names");
    let cell = |number: usize| {
        let [code, what] = [0, 1].map(|at| index[cells_at + 3 * number + at]);
        let (kind, depth) = (what as u8, (what >> 8) as u8);
        let name = name_of(code, selectors, &names);
        let fixed = if code as usize >= field::NAMED as usize + selectors.len() { None } else { Some(code) };
        Cell { id: number as u32, name, number: fixed, depth, kind, value: values[number].to_vec() }
    };
    let entity = |number: usize| [0, 1, 2].map(|at| index.get(header + 3 * number + at).copied());
    let mut flat = Vec::new();
    for number in 0..entities {
        let [at, parent, first] = entity(number).map(Option::unwrap);
        let last = if number + 1 < entities { index[header + 3 * number + 5] } else { cells as u32 };
        let mut cells: Vec<Vec<Cell>> = Vec::new();
        for cell in (first..last).map(|number| cell(number as usize)) {
            if cell.depth == 0 { cells.push(vec![cell]) } else { cells.last_mut().unwrap().push(cell) }
        }
        // The tree has fields by code, and then attributes in their order.
        cells.sort_by_key(|group| match &group[0].name {
            Name::Code(code) => *code,
            _ => u32::MAX,
        });
        let cells = cells.into_iter().flatten().collect();
        flat.push((parent, Shown { id: number as u32, level: at as u8, cells, children: Vec::new() }));
    }
    Seen { groups: nest(flat), names }
}

fn name_of(code: u32, selectors: &[weir_otlp::Selector], names: &[String]) -> Name {
    if code == field::ELEMENT {
        return Name::Element;
    }
    let Some(place) = code.checked_sub(field::NAMED) else { return Name::Code(code) };
    match selectors.get(place as usize) {
        Some(selector) => Name::Key(selector.name.clone()),
        None => Name::Key(names[place as usize - selectors.len()].clone()),
    }
}

/// Children under their parents, by level.
fn nest(mut flat: Vec<(u32, Shown)>) -> Vec<Shown> {
    let mut groups = Vec::new();
    while let Some((parent, mut shown)) = flat.pop() {
        shown.children.reverse();
        shown.children.sort_by_key(|child| child.level);
        match flat.get_mut(parent as usize) {
            Some((_, parent)) => parent.children.push(shown),
            None => {
                assert_eq!((parent, shown.level), (u32::MAX, level::RESOURCE));
                groups.push(shown);
            }
        }
    }
    groups.reverse();
    groups
}

/// Real numbers of the tree's cells and entities.
#[derive(Default)]
pub struct Numbers {
    pub cells: Vec<(Id, u32)>,
    pub entities: Vec<(Id, u32)>,
}

/// Compares what is seen with what is to be seen.
pub fn compare(real: &[Shown], expected: &[Shown], numbers: &mut Numbers) {
    let levels = |shown: &[Shown]| shown.iter().map(|one| one.level).collect::<Vec<_>>();
    assert_eq!(levels(real), levels(expected), "the entities of the view");
    for (real, expected) in real.iter().zip(expected) {
        numbers.entities.push((Id(expected.id), real.id));
        let plain = |cell: &Cell| (cell.name.clone(), cell.depth, cell.kind, cell.value.clone());
        let cells = |shown: &Shown| shown.cells.iter().map(plain).collect::<Vec<_>>();
        assert_eq!(cells(real), cells(expected), "the cells of an entity of level {}", real.level);
        for (real, expected) in real.cells.iter().zip(&expected.cells) {
            assert_eq!(real.number, expected.number, "the number of field {:?}", real.name);
            numbers.cells.push((Id(expected.id), real.id));
        }
        compare(&real.children, &expected.children, numbers);
    }
}

/// Whether a kind may be written into an attribute.
pub fn is_writable_kind(kind: u8) -> bool {
    matches!(
        kind,
        kind::STRING | kind::BOOL | kind::INT | kind::DOUBLE | kind::BYTES | kind::EMPTY | kind::ENCODED
    )
}

pub fn what_is(what: What) -> u8 {
    what.level()
}
