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

  /** Words that lie on other words, or on a control or drawing that they do not belong to. */
  overlaps: () => {
    // Looked up once for each element: many words are in the same ones.
    const once = (of, known = new Map()) => (node) => known.get(node) ?? known.set(node, of(node)).get(node);
    const style = once((node) => (({ position, overflowX, overflowY }) => ({ position, overflowX, overflowY }))(getComputedStyle(node)));
    const outside = once((node) => node.getBoundingClientRect());
    const layer = (node) => {
      for (let at = node; at; at = at.parentElement) if (['fixed', 'sticky'].includes(style(at).position) || at.matches('.suggestions, .tip')) return at;
      return null;
    };
    const seen = (box, element) => {
      let { left, right, top, bottom } = box;
      for (let at = element; at && at !== document.body; at = at.parentElement) {
        const { overflowX, overflowY } = style(at);
        if (overflowX !== 'visible') [left, right] = [Math.max(left, outside(at).left), Math.min(right, outside(at).right)];
        if (overflowY !== 'visible') [top, bottom] = [Math.max(top, outside(at).top), Math.min(bottom, outside(at).bottom)];
      }
      return { left, right, top, bottom, height: bottom - top };
    };
    const items = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.textContent.trim() || !element.checkVisibility({ visibilityProperty: true }) || element.closest('option, .unseen, .skip, svg, noscript')) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) items.push({ node, element, box: seen(box, element), text: node.textContent.trim().slice(0, 30), layer: layer(element) });
    }
    for (const element of document.querySelectorAll('button, input, select, canvas:not([aria-hidden]), .bar-of, .drawing, .chip')) {
      if (element.checkVisibility({ visibilityProperty: true }) && !element.closest('.unseen') && !element.matches('.unseen'))
        items.push({ node: element, element, box: seen(element.getBoundingClientRect(), element), text: null, layer: layer(element) });
    }
    const found = [];
    const told = (item) => item.text ?? `<${item.element.tagName.toLowerCase()} class="${item.element.getAttribute('class') ?? ''}">`;
    items.forEach((one, i) => {
      for (let j = i + 1; j < items.length; j += 1) {
        const other = items[j];
        const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        if (!(wide > 1.5 && high > Math.max(2, 0.25 * Math.min(one.box.height, other.box.height)))) continue;
        const related = one.element.contains(other.element) || other.element.contains(one.element);
        if (one.layer !== other.layer || one.node === other.node || (related && (one.text === null || other.text === null))) continue;
        found.push(`${told(one)} / ${told(other)}: ${wide.toFixed()}x${high.toFixed()}`);
      }
    });
    return found;
  },

  /** Words that are cut off by what they are in, where nothing (an ellipsis, also behind some lines, a way to scroll) says so; short words that are broken. */
  clipped: () => {
    const found = [];
    const what = (at) => {
      const { position, overflowX, overflowY, textOverflow, webkitLineClamp } = getComputedStyle(at);
      const clamped = webkitLineClamp !== 'none';
      const hides = (overflow) => ['hidden', 'clip'].includes(overflow);
      const button = at.matches('button, .chip, a.plain');
      return {
        beside: ['fixed', 'sticky'].includes(position), outer: at.getBoundingClientRect(), clamped,
        wide: (hides(overflowX) && textOverflow !== 'ellipsis') || button, high: (hides(overflowY) && !clamped) || button,
      };
    };
    const known = new Map(); // many words are in the same elements
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.textContent.trim() || !element.checkVisibility({ visibilityProperty: true }) || element.closest('option, .unseen, .skip, svg, noscript')) continue;
      const range = document.createRange();
      for (const word of node.textContent.matchAll(/\S+/g)) {
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        let boxes = [...range.getClientRects()];
        const lines = new Set(boxes.map((box) => Math.round(box.top / 4)));
        const whole = (word[0].length <= 12 && !/[-\/–—].|[?&=]/.test(word[0])) || (word[0].length <= 20 && element.closest('.chip'));
        if (whole && lines.size > 1) found.push(`broken: ${word[0]}`);
        for (let at = element; at && at !== document.documentElement; at = at.parentElement) {
          if (!known.has(at)) known.set(at, what(at));
          const { beside, outer, clamped, wide, high } = known.get(at);
          if (clamped) boxes = boxes.filter((box) => box.bottom <= outer.bottom + 3); // the rest is behind the ellipsis
          if (beside || !boxes.length) break;
          if (boxes.some((box) => (wide && (box.right > outer.right + 1.5 || box.left < outer.left - 1.5)) || (high && (box.bottom > outer.bottom + 3 || box.top < outer.top - 3)))) {
            found.push(`cut: ${word[0].slice(0, 30)} in <${at.tagName.toLowerCase()} class="${at.getAttribute('class') ?? ''}">`);
            break;
          }
        }
      }
    }
    return [...new Set(found)];
  },

  /** Controls that a screen reader could not name. */
  nameless: () => [...document.querySelectorAll('button, a, input, select, canvas:not([aria-hidden]), [role=img]')]
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
