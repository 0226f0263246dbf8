//! Rules: what breaks a promise, each with the bits that it declares; `models.detectors.rules`.

use crate::baseline::subject::Subject;
use crate::detectors::moment::Moment;

/// Raise the bits of the session by the rules that an event breaks.
pub fn score(at: &mut Moment<'_, '_, '_>) {
    let plan = at.plan;
    for rule in &plan.rules {
        let Some(text) = at.fields.single(rule.field).map(str::to_owned) else { continue };
        let mut bits = rule.bits;
        if let Some(number) = rule.number.and_then(|place| at.fields.numbers[place]) {
            bits += number.log2();
        }
        let mark = at.hasher.of(&format!("{}{text}", rule.prefix));
        at.raise(rule.series, bits, || Subject::new(bits, 0, &rule.name, mark, text));
    }
}
