/* What the tests ask a page: a function for each. */
({
  /** All text with its contrast to what is behind it, and the least that WCAG 2.2 AA wants; drawings too. */
  contrasts: () => {
    const numbers = (colour) => {
      const found = colour.match(/[\d.]+/g).map(Number);
      if (colour.startsWith('color(srgb')) return [...found.slice(0, 3).map((n) => n * 255), found[3] ?? 1];
      return [...found.slice(0, 3), found[3] ?? 1];
    };
    const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
    const behind = (element) => {
      const chain = [];
      for (let node = element; node; node = node.parentElement) chain.unshift(numbers(getComputedStyle(node).backgroundColor));
      return chain.reduce((under, colour) => over(colour, under), [255, 255, 255]);
    };
    const luminance = (colour) => {
      const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (one, other) => {
      const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.textContent.trim() || !element.checkVisibility({ visibilityProperty: true }) || element.closest('option, .unseen')) continue;
      const style = getComputedStyle(element);
      const under = behind(element);
      const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
      found.push({ what: node.textContent.trim().slice(0, 40), ratio: ratio(over(numbers(style.color), under), under), least: large ? 3 : 4.5 });
    }
    for (const input of document.querySelectorAll('input[placeholder], input[type=search]')) {
      const under = behind(input);
      found.push({ what: 'placeholder ' + input.id, ratio: ratio(over(numbers(getComputedStyle(input, '::placeholder').color), under), under), least: 4.5 });
    }
    for (const drawn of document.querySelectorAll('.wave[d]')) {
      const under = behind(drawn.closest('div'));
      found.push({ what: 'bars', ratio: ratio(over(numbers(getComputedStyle(drawn).stroke), under), under), least: 3 });
    }
    for (const swatch of document.querySelectorAll('.swatch')) {
      const under = behind(document.querySelector('.map-box'));
      found.push({ what: 'colour of ' + swatch.parentElement.textContent, ratio: ratio(over(numbers(getComputedStyle(swatch).fill), under), under), least: 3 });
    }
    return found;
  },

  /** Elements that stick out of the window. */
  wide: () => [...document.querySelectorAll('body *')].filter((node) => {
    const box = node.getBoundingClientRect();
    const inside = node.closest('.places, .unseen, .skip, svg svg, g');
    return !inside && box.width > 0 && (box.right > innerWidth + 0.5 || box.left < -0.5);
  }).map((node) => node.outerHTML.slice(0, 120)),

  /** Controls that a screen reader could not name. */
  nameless: () => [...document.querySelectorAll('button, a, input, select, canvas, [role=img]')]
    .filter((node) => node.checkVisibility() && !(node.getAttribute('aria-label') || node.labels?.[0]?.innerText || node.textContent).trim())
    .map((node) => node.outerHTML),

  /** What has the focus, and whether one sees that it has. */
  focus: () => {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  const name = node.getAttribute('aria-label') || node.labels?.[0]?.innerText || node.innerText || '';
  return { name: name.trim(), id: node.id, tag: node.tagName, seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 };
},
})
