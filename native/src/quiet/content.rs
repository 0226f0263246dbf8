//! What the score of a call is about, in words; `models.explain.content`.

use crate::baseline::subject::Subject;
use crate::features::containers::cut;
use crate::float_sums::power;
use crate::json::action::Action;
use crate::provenance::session::{CallScore, TaintedValue};
use pyo3::prelude::*;

/// The words of `models.explain.content`.
#[derive(FromPyObject)]
pub struct Words {
    kinds: Vec<String>,
    novelty: Vec<String>,
    flows: Vec<String>,
    other_tasks: i64,
    max_text: usize,
    /// From which share in percent on it is a number, without decimals, and nearly all.
    shares: (f64, f64, f64),
    min_familiar: f64,
}

impl Words {
    /// Name a value by its kind and, where the argument has one alone, by itself.
    fn thing(&self, tainted: &TaintedValue, action: &Action<'_>) -> String {
        let kind = self.kinds[usize::from(tainted.kind)].as_str();
        let origins = action.argument_origins.iter().flatten();
        let found = origins.filter(|(key, _)| **key == *tainted.key);
        let mut values = found.flat_map(|(_, values)| values);
        match (values.next(), values.next()) {
            (Some((value, _)), None) => format!("the {kind} {}", cut(value, self.max_text)),
            _ => {
                let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
                format!("{} {kind}", if vowel { "an" } else { "a" })
            }
        }
    }

    /// What the score of a call is about; None where little can be said.
    pub fn subject_of(&self, call: &CallScore, action: &Action<'_>) -> Option<Subject> {
        let (intent, tool) = (call.intent.unwrap_or(0.0), &*action.tool);
        if let Some(tainted) = call.tainted.as_ref().filter(|tainted| tainted.bits >= intent) {
            return Some(self.carried(call.score, tainted, action));
        }
        let some = self.share(100.0 * power(2.0, -call.intent?));
        let whose = if call.familiarity >= 0.5 {
            "with a request like this one"
        } else if call.familiarity >= self.min_familiar {
            "with a partly similar request"
        } else {
            "of this role"
        };
        let text = format!("{some} of the sessions {whose} use {tool}.");
        let subject = Subject::new(call.score, 0, "intent", 0, text);
        Some(Subject { key: tool.to_owned(), ..subject })
    }

    fn share(&self, percent: f64) -> String {
        let (least, whole, most) = self.shares;
        if percent >= most {
            "Nearly all".to_owned()
        } else if percent < least {
            "Fewer than one in a thousand".to_owned()
        } else if percent >= whole {
            format!("About {percent:.0} %")
        } else {
            format!("About {} %", two_digits(percent))
        }
    }

    fn carried(&self, score: f64, tainted: &TaintedValue, action: &Action<'_>) -> Subject {
        let thing = self.thing(tainted, action);
        let way = &self.flows[(tainted.flow_level as usize).min(self.flows.len() - 1)];
        let mut text = format!(
            "{} uses {thing}{} as {}: it is out of a result of {}, and the request does not state \
             it. It is {}; {way}.",
            &*action.tool,
            if tainted.rewritten { ", rewritten," } else { "" },
            tainted.key,
            tainted.source,
            self.novelty[tainted.value_level as usize],
        );
        if tainted.recurrences > 0 {
            let other = tainted.recurrences;
            text += &format!(" {other} other tasks used the same value, unasked as well.");
        } else if tainted.cross_task_bits != 0.0 {
            let other = self.other_tasks;
            text += &format!(" At least {other} requests unlike this one led to the same value.");
        }
        let level = tainted.value_level as i64;
        let subject = Subject::new(score, level, "provenance", tainted.value, text);
        Subject { key: format!("{thing} out of a result of {}", tainted.source), ..subject }
    }
}

/// A number from 0.1 to 10 as Python writes it by ``.2g``.
fn two_digits(number: f64) -> String {
    let rounded = format!("{number:.1e}");
    let places = match rounded.rsplit_once('e') {
        Some((_, "1")) => 0,
        Some((_, "0")) => 1,
        _ => 2,
    };
    let text = format!("{number:.places$}");
    if places == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::two_digits;

    #[test]
    fn numbers_are_written_as_in_python() {
        let written =
            [(9.96, "10"), (9.94, "9.9"), (3.0, "3"), (0.999, "1"), (0.125, "0.12"), (0.1, "0.1")];
        for (number, text) in written {
            assert_eq!(two_digits(number), text);
        }
    }
}
