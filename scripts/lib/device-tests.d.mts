/** Whether a Vulkan version such as 1.4.305 is that of Mesa 24 or newer. */
export function isNewEnough(version: string): boolean;
