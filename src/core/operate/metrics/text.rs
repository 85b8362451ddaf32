//! The text format itself: families in the order in which they were named first, each with its
//! HELP and TYPE once and its samples together.

/// The families of a page.
#[derive(Default)]
pub struct Families(Vec<Family>);

/// One family: samples of the same name.
pub struct Family {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    samples: String,
}

impl Families {
    /// What goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(name, help, "gauge")
    }

    /// What only goes up.
    pub fn counter(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(name, help, "counter")
    }

    fn family(
        &mut self,
        name: &'static str,
        help: &'static str,
        kind: &'static str,
    ) -> &mut Family {
        let known = self.0.iter().position(|family| family.name == name);
        let at = known.unwrap_or_else(|| {
            self.0.push(Family {
                name,
                help,
                kind,
                samples: String::new(),
            });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// The page. A family without samples is left out.
    pub fn write(&self) -> String {
        let mut page = String::new();
        for family in self.0.iter().filter(|family| !family.samples.is_empty()) {
            let Family {
                name,
                help,
                kind,
                samples,
            } = family;
            page.push_str(&format!(
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{samples}"
            ));
        }
        page
    }
}

impl Family {
    /// One more sample.
    pub fn add(&mut self, labels: &[(&str, &str)], value: impl Into<f64>) {
        self.samples.push_str(self.name);
        for (at, (label, text)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let text = escaped(text);
            self.samples
                .push_str(&format!("{before}{label}=\"{text}\""));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        self.samples
            .push_str(&format!("{after} {}\n", value.into()));
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
