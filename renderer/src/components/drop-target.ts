import type { Attachment } from 'svelte/attachments';

/**
 * Makes an element take dropped files: `{@attach dropTarget((files) => …)}`. While files are over it, it has `data-over`, to be
 * styled. A target inside another one takes the files alone.
 */
export function dropTarget(ondropped: (files: File[]) => void): Attachment<HTMLElement> {
  return (element) => {
    // Entering a child leaves the parent: the depth tells whether the pointer is still inside.
    let depth = 0;
    const show = () => element.toggleAttribute('data-over', depth > 0);

    function enter(event: DragEvent): void {
      if (event.dataTransfer?.types.includes('Files') !== true) return;
      event.preventDefault();
      depth += 1;
      show();
    }

    function leave(): void {
      depth = Math.max(0, depth - 1);
      show();
    }

    function over(event: DragEvent): void {
      if (event.dataTransfer?.types.includes('Files') !== true) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'copy';
    }

    function drop(event: DragEvent): void {
      event.preventDefault();
      depth = 0;
      show();
      if (handled.has(event)) return;
      handled.add(event);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) ondropped(files);
    }

    element.addEventListener('dragenter', enter);
    element.addEventListener('dragleave', leave);
    element.addEventListener('dragover', over);
    element.addEventListener('drop', drop);
    return () => {
      element.removeEventListener('dragenter', enter);
      element.removeEventListener('dragleave', leave);
      element.removeEventListener('dragover', over);
      element.removeEventListener('drop', drop);
    };
  };
}

/** Drops that an inner target has taken; the outer ones only put their look back. */
const handled = new WeakSet<DragEvent>();
