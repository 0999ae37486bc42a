// Times in the reader's zone, and shortcuts. Everything works without.
'use strict';

// <time datetime="…Z"> shows UTC; here it gets the reader's time, and UTC moves into the title.
function localTimes(root) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  for (const time of root.querySelectorAll('time[datetime]:not([title])')) {
    time.title = time.textContent.trim();
    time.textContent = format.format(new Date(time.dateTime));
  }
}

localTimes(document);
document.addEventListener('htmx:after:swap', () => localTimes(document));

// The choices of language and theme apply at once.
for (const select of document.querySelectorAll('.choices select')) {
  select.addEventListener('change', () => select.form.requestSubmit());
}
