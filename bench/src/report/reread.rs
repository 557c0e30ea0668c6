//! The figures read back from the JSON document, to print the report anew.

use serde_json::Value;

use crate::outcome::{Better, Judge, Limit, Machine, Metric, Outcome, PeerNote, Series, Subject, Suite, Target, Unit};

/// What the document says; an error names what is missing or of another kind.
pub(super) fn suite(text: &str) -> Result<Suite, String> {
    let document: Value = text.parse().map_err(|error: serde_json::Error| error.to_string())?;
    let machine = Node(&document).at("machine")?;
    Ok(Suite {
        machine: Machine {
            architecture: machine.text("architecture")?,
            processor: machine.text("processor")?,
            cores: usize::try_from(machine.whole("cores")?).map_err(|error| error.to_string())?,
            memory_bytes: machine.whole("memory-bytes")?,
            kernel: machine.text("kernel")?,
            system: machine.text("system")?,
            day: machine.text("day")?,
        },
        extent: Node(&document).text("extent")?,
        peers: Node(&document).each("peers", peer)?,
        outcomes: Node(&document).each("outcomes", outcome)?,
    })
}

fn peer(node: Node<'_>) -> Result<PeerNote, String> {
    let config = |node: Node<'_>| Ok((node.text("purpose")?, node.text("text")?));
    Ok(PeerNote {
        name: node.text("name")?,
        version: node.text("version").ok(),
        configs: node.each("configs", config)?,
    })
}

fn outcome(node: Node<'_>) -> Result<Outcome, String> {
    let series = |node: Node<'_>| {
        let rounds = node.each("rounds", |round| round.0.as_f64().ok_or_else(|| "a round is no number".to_owned()))?;
        Ok(Series { peer: node.text("peer")?, metric: metric(node.at("metric")?)?, rounds })
    };
    let remark = |node: Node<'_>| node.0.as_str().map(str::to_owned).ok_or_else(|| "a remark is no text".to_owned());
    Ok(Outcome {
        id: node.text("id")?,
        title: node.text("title")?,
        what: node.text("what")?,
        series: node.each("series", series)?,
        targets: node.each("targets", target)?,
        remarks: node.each("remarks", remark)?,
        void: node.text("void").ok(),
    })
}

fn metric(node: Node<'_>) -> Result<Metric, String> {
    let symbol = node.text("unit")?;
    let unit = Unit::ALL.into_iter().find(|unit| unit.symbol() == symbol);
    let better = match node.text("better")?.as_str() {
        "less" => Better::Less,
        "more" => Better::More,
        other => return Err(format!("`better` is `{other}`")),
    };
    let unit = unit.ok_or_else(|| format!("no unit is written `{symbol}`"))?;
    Ok(Metric { name: node.text("name")?.into(), unit, better })
}

fn target(node: Node<'_>) -> Result<Target, String> {
    let subject = node.at("subject")?;
    let subject = if let Ok(of) = subject.text("figure") {
        Subject::Figure { of }
    } else if let Ok(of) = subject.text("ratio") {
        Subject::Ratio { of, to: subject.text("to")? }
    } else {
        Subject::Difference { of: subject.text("difference")?, to: subject.text("to")? }
    };
    let limit = node.at("limit")?;
    let limit = match limit.number("at-most") {
        Ok(most) => Limit::AtMost(most),
        Err(_) => Limit::AtLeast(limit.number("at-least")?),
    };
    let judge = match node.text("judge")?.as_str() {
        "median" => Judge::Median,
        "interval" => Judge::Interval,
        other => return Err(format!("`judge` is `{other}`")),
    };
    Ok(Target { what: node.text("what")?, metric: metric(node.at("metric")?)?, subject, limit, judge })
}

/// A place in the document.
#[derive(Clone, Copy)]
struct Node<'a>(&'a Value);

impl<'a> Node<'a> {
    fn at(self, key: &str) -> Result<Self, String> {
        self.0.get(key).map(Self).ok_or_else(|| format!("`{key}` is missing"))
    }

    fn text(self, key: &str) -> Result<String, String> {
        self.at(key)?.0.as_str().map(str::to_owned).ok_or_else(|| format!("`{key}` is no text"))
    }

    fn number(self, key: &str) -> Result<f64, String> {
        self.at(key)?.0.as_f64().ok_or_else(|| format!("`{key}` is no number"))
    }

    fn whole(self, key: &str) -> Result<u64, String> {
        self.at(key)?.0.as_u64().ok_or_else(|| format!("`{key}` is no whole number"))
    }

    fn each<T>(self, key: &str, read: impl Fn(Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let list: &'a Vec<Value> = self.at(key)?.0.as_array().ok_or_else(|| format!("`{key}` is no list"))?;
        list.iter().map(|value| read(Node(value))).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::report::{json, reread, sample};

    #[test]
    fn what_is_read_back_is_what_was_written() {
        let suite = sample::suite();
        let text = json::document(&suite);
        let again = reread::suite(&text).unwrap();
        assert_eq!(json::document(&again), text);
        assert_eq!(format!("{again:?}"), format!("{suite:?}"));
    }

    #[test]
    fn a_document_that_is_none_is_told() {
        assert!(reread::suite("{").is_err());
        assert_eq!(reread::suite("{}").unwrap_err(), "`machine` is missing");
    }
}
