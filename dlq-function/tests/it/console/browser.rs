//! A browser without scripts: it follows redirects, keeps cookies, and sends forms as they stand on the page.

use std::{cell::RefCell, collections::BTreeMap, net::SocketAddr};

use reqwest::{
    Method, StatusCode,
    header::{ACCEPT_LANGUAGE, COOKIE, HeaderMap, LOCATION, SET_COOKIE},
};
use scraper::{ElementRef, Html, Selector};

/// The most redirects that are followed.
const REDIRECTS_MAX: usize = 5;

pub struct Browser {
    client: reqwest::Client,
    origin: String,
    language: &'static str,
    cookies: RefCell<BTreeMap<String, String>>,
}

/// A page as it came.
pub struct Page {
    pub path: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub html: String,
}

/// A form, filled in as the page has it.
#[derive(Clone, Debug)]
pub struct Form {
    method: Method,
    action: String,
    fields: Vec<(String, String)>,
}

impl Browser {
    pub fn new(address: SocketAddr) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            client,
            origin: format!("http://{address}"),
            language: "en",
            cookies: RefCell::default(),
        }
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// One that asks for a language.
    pub fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    /// Gets a page, wherever that leads on this origin.
    pub async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, None).await
    }

    /// Sends a form.
    pub async fn submit(&self, form: &Form) -> Page {
        if form.method == Method::GET {
            return self.get(&format!("{}?{}", form.action, form.body())).await;
        }
        self.send(Method::POST, &form.action, Some(form.body())).await
    }

    /// One request, no redirect followed.
    pub async fn once(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Page {
        let url = format!("{}{path}", self.origin);
        let mut request = self
            .client
            .request(method, url)
            .header(ACCEPT_LANGUAGE, self.language);
        let cookies: Vec<_> = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
        }
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        for cookie in headers.get_all(SET_COOKIE) {
            self.take(cookie.to_str().unwrap());
        }
        Page {
            path: path.to_owned(),
            status: response.status().as_u16(),
            headers,
            html: response.text().await.unwrap(),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<String>) -> Page {
        let mut page = self.once(method, path, &[], body).await;
        for _ in 0..REDIRECTS_MAX {
            if page.status != StatusCode::SEE_OTHER.as_u16() {
                return page;
            }
            let place = page.headers[LOCATION].to_str().unwrap().to_owned();
            page = self.once(Method::GET, &place, &[], None).await;
        }
        panic!("{} leads in a circle", page.path)
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    /// Sets a cookie, as somebody with another browser could.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies
            .borrow_mut()
            .insert(name.to_owned(), value.to_owned());
    }

    fn take(&self, set: &str) {
        let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
        let (name, value) = pair.split_once('=').unwrap();
        for attribute in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
            assert!(
                attributes.contains(attribute),
                "{name}: {attribute} in {attributes}"
            );
        }
        assert!(
            name.starts_with("__Host-") && !attributes.contains("Domain"),
            "{set}"
        );
        let mut cookies = self.cookies.borrow_mut();
        if attributes.contains("Max-Age=0") {
            cookies.remove(name);
        } else {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

impl Page {
    fn document(&self) -> Html {
        Html::parse_document(&self.html)
    }

    /// The text of every element that a selector finds, blanks joined.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let document = self.document();
        let selector = Selector::parse(selector).unwrap();
        document.select(&selector).map(text).collect()
    }

    /// The text of the only element that a selector finds.
    pub fn text(&self, selector: &str) -> String {
        let [text] = self.texts(selector).try_into().unwrap_or_else(|found: Vec<_>| {
            panic!("{} has {} of {selector}: {}", self.path, found.len(), self.html)
        });
        text
    }

    /// The values of an attribute of all that a selector finds.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let document = self.document();
        let selector = Selector::parse(selector).unwrap();
        let values = document
            .select(&selector)
            .filter_map(|element| element.value().attr(name));
        values.map(str::to_owned).collect()
    }

    /// Whether the page says something, mark-up left out.
    pub fn says(&self, words: &str) -> bool {
        self.text("body").contains(words)
    }

    /// The only form with an action, filled in as it stands.
    pub fn form(&self, action: &str) -> Form {
        let mut forms = self.forms(action);
        assert_eq!(
            forms.len(),
            1,
            "{} has {} forms for {action}: {}",
            self.path,
            forms.len(),
            self.html
        );
        forms.remove(0)
    }

    /// The only form that a selector finds, filled in as it stands.
    pub fn form_of(&self, selector: &str) -> Form {
        let document = self.document();
        let selector = Selector::parse(selector).unwrap();
        let mut forms = document.select(&selector);
        let form = forms
            .next()
            .unwrap_or_else(|| panic!("{}: {}", self.path, self.html));
        assert!(forms.next().is_none(), "{} has more than one", self.path);
        Form::of(form)
    }

    /// Every form with an action.
    pub fn forms(&self, action: &str) -> Vec<Form> {
        let document = self.document();
        let all = Selector::parse("form").unwrap();
        let forms = document
            .select(&all)
            .filter(|form| form.value().attr("action") == Some(action));
        forms.map(Form::of).collect()
    }
}

impl Form {
    fn of(form: ElementRef<'_>) -> Self {
        let selector = Selector::parse("input, select, textarea").unwrap();
        let mut fields = Vec::new();
        for control in form.select(&selector) {
            let element = control.value();
            let Some(name) = element.attr("name") else {
                continue;
            };
            let value = match (element.name(), element.attr("type")) {
                ("select", _) => selected(control),
                ("textarea", _) => Some(control.text().collect()),
                (_, Some("checkbox" | "radio")) if element.attr("checked").is_none() => None,
                _ => Some(element.attr("value").unwrap_or_default().to_owned()),
            };
            if let Some(value) = value {
                fields.push((name.to_owned(), value));
            }
        }
        let method = form.value().attr("method").unwrap_or("get");
        Self {
            method: if method.eq_ignore_ascii_case("post") {
                Method::POST
            } else {
                Method::GET
            },
            action: form.value().attr("action").unwrap_or_default().to_owned(),
            fields,
        }
    }

    /// Types into a field, ticks a box or presses the button of this name.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.and(name, value)
    }

    /// Ticks one more box of this name.
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As it is sent.
    pub fn body(&self) -> String {
        encoded(&self.fields)
    }

    /// What stands in a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

fn selected(select: ElementRef<'_>) -> Option<String> {
    let options = Selector::parse("option").unwrap();
    let chosen = select
        .select(&options)
        .find(|option| option.value().attr("selected").is_some())
        .or_else(|| select.select(&options).next())?;
    Some(
        chosen
            .value()
            .attr("value")
            .map_or_else(|| text(chosen), str::to_owned),
    )
}

fn text(element: ElementRef<'_>) -> String {
    let words: Vec<_> = element.text().flat_map(str::split_whitespace).collect();
    words.join(" ")
}

fn encoded(fields: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
